--include pace
-- The last step before a post: admit it under the rate limits, and mark its deliveries as being sent by it.
-- A delivery that another post has marked was begun without a known end: it may be posted twice (ambiguous).
-- A repeat of the same call (a lost reply) finds its own marks and changes nothing.
-- KEYS: address' limit, address' posts, all posts, lock, counters, lead, ping.
-- ARGV: leader's job id, name of this run of it, the post's unique name, channel limit, channel window in s,
--       global limit, ledger lifetime in s, ms for which the next mentions wait (0: none wanted), ledger keys...
-- Returns {'begun', how many are ambiguous, 1 if it may mention somebody}, {'lost'} when another one leads, also another run of the same job,
--         or {'wait', seconds}.
local limit, posts, all, lock, counters, lead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local post = ARGV[3]

-- One message mentions, and again where it is posted again (a delivery is in one message only, until that failed).
local function may_mention()
  if ARGV[8] == '0' then return 0 end
  redis.call('SET', KEYS[7], ARGV[9], 'NX', 'PX', ARGV[8])
  local holder = redis.call('GET', KEYS[7])
  for i = 9, #ARGV do
    if ARGV[i] == holder then return 1 end
  end
  return 0
end

if redis.call('GET', lock) ~= ARGV[1] or redis.call('GET', lead) ~= ARGV[2] then return {'lost'} end
if redis.call('ZSCORE', posts, post) then return {'begun', 0, may_mention()} end
local now = redis_now()
local wait = admission(now, limit, posts, all, tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]))
if wait > 0 then return {'wait', tostring(wait)} end

redis.call('ZADD', posts, now, post)
redis.call('EXPIRE', posts, math.ceil(tonumber(ARGV[5])) + 1)
redis.call('ZADD', all, now, post)
redis.call('EXPIRE', all, 2)
if redis.call('HEXISTS', limit, 'remaining') == 1 then redis.call('HINCRBY', limit, 'remaining', -1) end
local ambiguous = 0
for i = 9, #ARGV do
  local known = redis.call('HMGET', ARGV[i], 'state', 'post')
  if known[1] == 'held' or (known[1] == 'sending' and known[2] ~= post) then
    redis.call('HINCRBY', ARGV[i], 'ambiguous', 1)
    redis.call('HINCRBY', counters, 'ambiguous', 1)
    ambiguous = ambiguous + 1
  end
  redis.call('HSET', ARGV[i], 'state', 'sending', 'post', post)
  redis.call('EXPIRE', ARGV[i], ARGV[7])
end
return {'begun', ambiguous, may_mention()}
