--include pace
-- Discord has taken the message: its deliveries are done, whoever's jobs they were; what it said of its limits is kept.
-- KEYS: outbox, lock, counters, address' limit, all posts, lead.
-- ARGV: leader's job id, name of this run of it, message id, ledger lifetime in s, remaining ('' for unsaid),
--       reset after in s, number, ids..., ledger keys...
local count = tonumber(ARGV[7])
for i = 1, count do
  local id, ledger = ARGV[7 + i], ARGV[7 + count + i]
  if redis.call('HGET', ledger, 'state') ~= 'delivered' then
    -- Notices to the operator are no part of the account.
    if string.sub(id, 1, 6) ~= 'admin-' then redis.call('HINCRBY', KEYS[3], 'delivered', 1) end
    redis.call('HSET', ledger, 'state', 'delivered', 'message', ARGV[3])
    redis.call('HDEL', ledger, 'post')
    redis.call('EXPIRE', ledger, ARGV[4])
  end
  redis.call('ZREM', KEYS[1], id)
end
-- Before the lock is free: the next leader must know of an empty bucket.
redis.call('HDEL', KEYS[4], 'failures')
keep_limits(KEYS[4], KEYS[5], ARGV[5], ARGV[6], '', '0')
if redis.call('GET', KEYS[2]) == ARGV[1] and redis.call('GET', KEYS[6]) == ARGV[2] then
  redis.call('DEL', KEYS[2], KEYS[6])
end
