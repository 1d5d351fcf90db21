-- The leader gives up its lead without a delivery.
-- KEYS: lock, alone mark. ARGV: leader's job id, alone-up-to score ('' for none), then the ledger keys of deliveries
-- that surely did not happen: they wait again as if never begun.
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'EX', 600) end
for i = 3, #ARGV do
  if redis.call('HGET', ARGV[i], 'state') == 'sending' then redis.call('HSET', ARGV[i], 'state', 'pending') end
end
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
