-- Takes back what dead incarnations of one slot left on one queue: to the head, nothing charged.
-- KEYS: queue, started registry (wip), the slot's intermediate list, workers, workers of the queue, the slot's
--       incarnation, slots.
-- ARGV: prefix of the slot's worker names, name of the living incarnation ('' for none), prefix of job keys, of
--       execution keys, of the jobs' execution registries, of worker keys, name of a slot that is given up
--       ('' for none): only if its newest incarnation has no heartbeat now.
-- Returns the ids of the jobs put back.
local queue, wip, intermediate = KEYS[1], KEYS[2], KEYS[3]
local prefix, living = ARGV[1], ARGV[2]
local back = {}
if ARGV[7] ~= '' then
  -- It may have come back since the janitor looked.
  local newest = redis.call('GET', KEYS[6])
  if newest and redis.call('EXISTS', ARGV[6] .. prefix .. newest) == 1 then return back end
  redis.call('HDEL', KEYS[7], ARGV[7])
end

local function put_back(id)
  redis.call('HSET', ARGV[3] .. id, 'status', 'queued')
  redis.call('LREM', queue, 0, id)
  redis.call('LPUSH', queue, id)
  table.insert(back, id)
end

for _, member in ipairs(redis.call('ZRANGE', wip, 0, -1)) do
  local id, execution = string.match(member, '^(.-):(.+)$')
  local owner = id and redis.call('HGET', ARGV[3] .. id, 'worker_name')
  if owner and string.sub(owner, 1, #prefix) == prefix and owner ~= living then
    redis.call('ZREM', wip, member)
    redis.call('DEL', ARGV[4] .. member)
    redis.call('ZREM', ARGV[5] .. id, execution)
    if redis.call('HGET', ARGV[3] .. id, 'status') == 'started' then put_back(id) end
  end
end
for _, id in ipairs(redis.call('LRANGE', intermediate, 0, -1)) do
  if redis.call('HGET', ARGV[3] .. id, 'status') == 'queued' then put_back(id) end
end
redis.call('DEL', intermediate)
for _, key in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  local name = string.sub(key, #ARGV[6] + 1)
  if string.sub(name, 1, #prefix) == prefix and name ~= living then
    redis.call('SREM', KEYS[4], key)
    redis.call('SREM', KEYS[5], key)
    redis.call('DEL', key, key .. ':executions')
  end
end
return back
