-- Puts a dead letter back on its queue, in one step. KEYS: failed registry, job, queue, queues. ARGV: job id.
-- Returns 1, or 0 when it is no dead letter (any more).
if redis.call('EXISTS', KEYS[2]) == 0 or redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'status', 'queued', 'started_at', '', 'ended_at', '')
redis.call('PERSIST', KEYS[2])
redis.call('SADD', KEYS[4], KEYS[3])
redis.call('RPUSH', KEYS[3], ARGV[1])
return 1
