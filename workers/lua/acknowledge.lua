-- Discord has taken the message: its deliveries are done, whoever's jobs they were.
-- KEYS: outbox, lock, counters. ARGV: leader's job id, message id, ledger lifetime in s, number, ids..., ledger keys...
local count = tonumber(ARGV[4])
for i = 1, count do
  local id, ledger = ARGV[4 + i], ARGV[4 + count + i]
  if redis.call('HGET', ledger, 'state') ~= 'delivered' then
    redis.call('HINCRBY', KEYS[3], 'delivered', 1)
    redis.call('HSET', ledger, 'state', 'delivered', 'message', ARGV[2])
    redis.call('EXPIRE', ledger, ARGV[3])
  end
  redis.call('ZREM', KEYS[1], id)
end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return redis.call('ZCARD', KEYS[1])
