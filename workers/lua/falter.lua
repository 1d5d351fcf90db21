--include pace
-- A post failed, and not for its own sake: its address pauses, longer each time, until a post succeeds.
-- KEYS: address' limit, all posts. ARGV: first pause in s, longest pause in s, share of it (the jitter),
--       pause in s that the reply asked for (0 for none), seconds for which the failures are remembered.
-- Returns {the pause in s, how many have failed in a row}.
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
local longest = math.min(tonumber(ARGV[2]), tonumber(ARGV[1]) * 2 ^ (math.min(failures, 30) - 1))
local pause = math.max(longest * tonumber(ARGV[3]), tonumber(ARGV[4]))
keep_limits(KEYS[1], KEYS[2], '', '0', tostring(pause), '0')
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return {tostring(pause), failures}
