--include pace
-- Discord has taken the message: its deliveries are done, whoever's jobs they were; what it said of its limits is kept.
-- KEYS: outbox, lock, counters, address' limit, all posts.
-- ARGV: leader's job id, message id, ledger lifetime in s, remaining ('' for unsaid), reset after in s, number, ids...,
--       ledger keys...
local count = tonumber(ARGV[6])
for i = 1, count do
  local id, ledger = ARGV[6 + i], ARGV[6 + count + i]
  if redis.call('HGET', ledger, 'state') ~= 'delivered' then
    redis.call('HINCRBY', KEYS[3], 'delivered', 1)
    redis.call('HSET', ledger, 'state', 'delivered', 'message', ARGV[2])
    redis.call('HDEL', ledger, 'post')
    redis.call('EXPIRE', ledger, ARGV[3])
  end
  redis.call('ZREM', KEYS[1], id)
end
-- Before the lock is free: the next leader must know of an empty bucket.
keep_limits(KEYS[4], KEYS[5], ARGV[4], ARGV[5], '', '0')
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
