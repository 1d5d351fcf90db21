-- One step of the pipeline: the cursor, the once-mark, the counters and the next stage's jobs, all or nothing.
-- A repeat of the same call (a lost reply, a replay) changes nothing but the cursor; a rewritten file that it names is
-- noticed also where its own killmail was handed over before (the same killmail may stand in two files).
-- ARGV: cursor key ('' for none), cursor, once key ('' for none), the once-mark's value (the same in a repeat of the
--       same call, another in another one), its lifetime in s, backlog queue key, counters key, rewritten files' key,
--       the rewritten file's sequence ('' for none), when it was noticed, number of counters, (name, increment)...,
--       number of jobs, then per job: id, job key, queue key, queue name's set, ledger key ('' for none), ledger
--       lifetime in s, outbox key ('' for none), score, number of hash arguments, hash arguments...
-- Returns {1 if this was new else 0, jobs enqueued, length of the backlog queue}.
local at = 0
local function take() at = at + 1 return ARGV[at] end

local cursor_key, cursor, once_key, mark, once_ttl = take(), take(), take(), take(), take()
local backlog_key, counters_key = take(), take()
local rewritten_key, rewritten, noticed_at = take(), take(), take()
if cursor_key ~= '' then redis.call('SET', cursor_key, cursor) end
if rewritten ~= '' then redis.call('ZADD', rewritten_key, 'NX', noticed_at, rewritten) end
if once_key ~= '' and not redis.call('SET', once_key, mark, 'NX', 'EX', once_ttl) then
  if redis.call('GET', once_key) ~= mark then
    redis.call('SET', once_key, mark, 'KEEPTTL')
    redis.call('HINCRBY', counters_key, 'repeated', 1)
  end
  return {0, 0, redis.call('LLEN', backlog_key)}
end

for _ = 1, tonumber(take()) do
  local name, increment = take(), take()
  redis.call('HINCRBY', counters_key, name, increment)
end

local enqueued = 0
for _ = 1, tonumber(take()) do
  local id, job_key, queue_key, queues_key = take(), take(), take(), take()
  local ledger_key, ledger_ttl, outbox_key, score = take(), take(), take(), take()
  local count = tonumber(take())
  local first = at + 1
  at = at + count
  local new = ledger_key == '' or redis.call('HSETNX', ledger_key, 'state', 'pending') == 1
  if new then
    if ledger_key ~= '' then
      redis.call('EXPIRE', ledger_key, ledger_ttl)
      if outbox_key ~= '' then redis.call('ZADD', outbox_key, score, id) end
    end
    redis.call('SADD', queues_key, queue_key)
    redis.call('HSET', job_key, unpack(ARGV, first, at))
    redis.call('RPUSH', queue_key, id)
    enqueued = enqueued + 1
  end
end
return {1, enqueued, redis.call('LLEN', backlog_key)}
