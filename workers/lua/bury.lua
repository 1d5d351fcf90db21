-- Puts an imported letter among the dead, unless its job is there already, in whatever state, or it was delivered.
-- KEYS: failed registry, job, index of the dead, its ledger ('' for none). ARGV: job id, score in the registry, when it
-- died, lifetime of the job in s, then the fields and values of its hash.
-- Returns 'buried', 'exists' or 'delivered'.
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'exists' end
if KEYS[4] ~= '' and redis.call('HGET', KEYS[4], 'state') == 'delivered' then return 'delivered' end
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return 'buried'
