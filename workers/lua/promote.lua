-- Moves what is due from the scheduled registries to their queues; only for the holder of the lease.
-- KEYS: lease, then (registry, queue) pairs. ARGV: lease token, prefix of job keys, most to move a queue.
-- Returns {-1} without the lease, else {moved, seconds until the next is due as a string ('' when none waits)}.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {-1, ''} end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local moved, soonest = 0, nil
for i = 2, #KEYS, 2 do
  local registry, queue = KEYS[i], KEYS[i + 1]
  for _, id in ipairs(redis.call('ZRANGE', registry, '-inf', string.format('%.6f', now), 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
    redis.call('ZREM', registry, id)
    if redis.call('EXISTS', ARGV[2] .. id) == 1 then
      redis.call('HSET', ARGV[2] .. id, 'status', 'queued')
      redis.call('RPUSH', queue, id)
      moved = moved + 1
    end
  end
  local first = redis.call('ZRANGE', registry, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = tonumber(first[2]) - now
    if not soonest or wait < soonest then soonest = wait end
  end
end
return {moved, soonest and tostring(math.max(soonest, 0)) or ''}
