-- Puts a dead letter back on its queue, in one step. A repeat of the same call (a lost reply) changes nothing and gives
-- the same answer, while the job is there.
-- KEYS: failed registry, job, queue, queues. ARGV: job id, a name that no other call has.
-- Returns 1, or 0 when it is no dead letter (any more).
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
  return redis.call('HGET', KEYS[2], 'replay') == ARGV[2] and 1 or 0
end
redis.call('HSET', KEYS[2], 'status', 'queued', 'started_at', '', 'ended_at', '', 'replay', ARGV[2])
redis.call('PERSIST', KEYS[2])
redis.call('SADD', KEYS[4], KEYS[3])
redis.call('RPUSH', KEYS[3], ARGV[1])
return 1
