--include pace
-- The last step before a post: admit it under the rate limits, and mark its deliveries as being sent.
-- A delivery that is found marked already was begun once without a known end: it may be posted twice (ambiguous).
-- KEYS: address' limit, address' posts, all posts, lock, counters.
-- ARGV: leader's job id, unique member, channel limit, channel window in s, global limit, ledger keys...
-- Returns {'begun'}, {'lost'} when the lock is another's, or {'wait', seconds}.
local limit, posts, all, lock, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', lock) ~= ARGV[1] then return {'lost'} end
local now = redis_now()
local wait = admission(now, limit, posts, all, tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
if wait > 0 then return {'wait', tostring(wait)} end

redis.call('ZADD', posts, now, ARGV[2])
redis.call('EXPIRE', posts, math.ceil(tonumber(ARGV[4])) + 1)
redis.call('ZADD', all, now, ARGV[2])
redis.call('EXPIRE', all, 2)
if redis.call('HEXISTS', limit, 'remaining') == 1 then redis.call('HINCRBY', limit, 'remaining', -1) end
for i = 6, #ARGV do
  if redis.call('HGET', ARGV[i], 'state') == 'sending' then
    redis.call('HINCRBY', ARGV[i], 'ambiguous', 1)
    redis.call('HINCRBY', counters, 'ambiguous', 1)
  else
    redis.call('HSET', ARGV[i], 'state', 'sending')
  end
end
return {'begun'}
