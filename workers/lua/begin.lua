-- The last step before a post: admit it under the rate limits, and mark its deliveries as being sent.
-- A delivery that is found marked already was begun once without a known end: it may be posted twice (ambiguous).
-- KEYS: webhook's limit hash, webhook's posts (zset of times), all posts (zset of times), lock, counters.
-- ARGV: leader's job id, unique member, channel limit, channel window s, global limit, ledger keys...
-- Returns {'0'} when admitted, {'lost'} when the lock is another's, else {seconds to wait}.
local limit, posts, all, lock, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', lock) ~= ARGV[1] then return {'lost'} end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6

local function window(key, allowed, seconds)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - seconds)
  local count = redis.call('ZCARD', key)
  if count < allowed then return 0 end
  local freeing = redis.call('ZRANGE', key, count - allowed, count - allowed, 'WITHSCORES')
  return tonumber(freeing[2]) + seconds - now
end

local everywhere = tonumber(redis.call('GET', all .. ':blocked_until') or '0')
local known = redis.call('HMGET', limit, 'blocked_until', 'remaining', 'resets_at')
local wait = math.max(everywhere - now, (tonumber(known[1] or '0') or 0) - now)
if known[2] and tonumber(known[2]) <= 0 then wait = math.max(wait, tonumber(known[3]) - now) end
wait = math.max(wait, window(posts, tonumber(ARGV[3]), tonumber(ARGV[4])), window(all, tonumber(ARGV[5]), 1))
if wait > 0 then return {tostring(wait)} end

redis.call('ZADD', posts, now, ARGV[2])
redis.call('EXPIRE', posts, math.ceil(tonumber(ARGV[4])) + 1)
redis.call('ZADD', all, now, ARGV[2])
redis.call('EXPIRE', all, 2)
if known[2] then redis.call('HINCRBY', limit, 'remaining', -1) end
for i = 6, #ARGV do
  if redis.call('HGET', ARGV[i], 'state') == 'sending' then
    redis.call('HINCRBY', ARGV[i], 'ambiguous', 1)
    redis.call('HINCRBY', counters, 'ambiguous', 1)
  else
    redis.call('HSET', ARGV[i], 'state', 'sending')
  end
end
return {'0'}
