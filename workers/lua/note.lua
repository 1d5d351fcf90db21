-- Keeps what a reply of Discord said of its limits, by Redis' clock.
-- KEYS: address' limit, all posts. ARGV: remaining ('' for unsaid), reset after in s, blocked for in s ('' for not),
--       '1' when everything is blocked.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'remaining', ARGV[1], 'resets_at', string.format('%.6f', now + tonumber(ARGV[2])))
end
local lifetime = math.ceil(tonumber(ARGV[2])) + 1
if ARGV[3] ~= '' then
  local until_then = string.format('%.6f', now + tonumber(ARGV[3]))
  lifetime = math.max(lifetime, math.ceil(tonumber(ARGV[3])) + 1)
  redis.call('HSET', KEYS[1], 'blocked_until', until_then)
  if ARGV[4] == '1' then
    redis.call('SET', KEYS[2] .. ':blocked_until', until_then, 'EX', lifetime)
  end
end
redis.call('EXPIRE', KEYS[1], lifetime)
