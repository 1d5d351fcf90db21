--include pace
-- The last step before a post: admit it under the rate limits, and mark its deliveries as being sent by it.
-- A delivery that another post has marked was begun without a known end: it may be posted twice (ambiguous).
-- A repeat of the same call (a lost reply) finds its own marks and changes nothing.
-- KEYS: address' limit, address' posts, all posts, lock, counters.
-- ARGV: leader's job id, the post's unique name, channel limit, channel window in s, global limit,
--       ledger lifetime in s, ledger keys...
-- Returns {'begun'}, {'lost'} when the lock is another's, or {'wait', seconds}.
local limit, posts, all, lock, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', lock) ~= ARGV[1] then return {'lost'} end
if redis.call('ZSCORE', posts, ARGV[2]) then return {'begun'} end
local now = redis_now()
local wait = admission(now, limit, posts, all, tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
if wait > 0 then return {'wait', tostring(wait)} end

redis.call('ZADD', posts, now, ARGV[2])
redis.call('EXPIRE', posts, math.ceil(tonumber(ARGV[4])) + 1)
redis.call('ZADD', all, now, ARGV[2])
redis.call('EXPIRE', all, 2)
if redis.call('HEXISTS', limit, 'remaining') == 1 then redis.call('HINCRBY', limit, 'remaining', -1) end
for i = 7, #ARGV do
  local known = redis.call('HMGET', ARGV[i], 'state', 'post')
  if known[1] == 'sending' and known[2] ~= ARGV[2] then
    redis.call('HINCRBY', ARGV[i], 'ambiguous', 1)
    redis.call('HINCRBY', counters, 'ambiguous', 1)
  end
  redis.call('HSET', ARGV[i], 'state', 'sending', 'post', ARGV[2])
  redis.call('EXPIRE', ARGV[i], ARGV[6])
end
return {'begun'}
