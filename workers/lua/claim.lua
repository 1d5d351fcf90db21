--include pace
-- A delivery job asks to lead its destination: to post the oldest of what waits there.
-- KEYS: outbox, lock, alone mark, disabled mark, address' limit, address' posts, all posts, scheduled registry.
-- ARGV: job id, its ledger key, its score, lock time in ms, group size, address' fingerprint, channel limit,
--       channel window in s, global limit, prefix of job keys, most seconds that a turn is waited for.
-- Returns {'done'}: it was delivered by another leader. {'disabled'}: Discord no longer knows the address.
--         {'busy', rank, seconds}: another one leads (for so long already), or must go first.
--         {'wait', rank, seconds}: the rate limits do not admit a post.
--         {'lead', rank, how many wait, ids of the oldest...}.
local outbox, lock, alone = KEYS[1], KEYS[2], KEYS[3]
local id, ledger = ARGV[1], ARGV[2]
if redis.call('HGET', ledger, 'state') == 'delivered' then
  redis.call('ZREM', outbox, id)
  if redis.call('GET', lock) == id then redis.call('DEL', lock) end
  return {'done'}
end
if redis.call('GET', KEYS[4]) == ARGV[6] then return {'disabled'} end
-- Not in the outbox and not delivered: it comes back from the dead letters.
redis.call('ZADD', outbox, 'NX', ARGV[3], id)
local rank = redis.call('ZRANK', outbox, id)
local holder = redis.call('GET', lock)
-- A leader whose job is gone (an operator emptied the queue that it was taken back to) leads no more.
if holder and holder ~= id and redis.call('EXISTS', ARGV[10] .. holder) == 1 then
  return {'busy', rank, tostring((tonumber(ARGV[4]) - redis.call('PTTL', lock)) / 1000)}
end
local now = redis_now()
local wait = admission(now, KEYS[5], KEYS[6], KEYS[7], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]))
if wait > 0 then
  if holder then redis.call('DEL', lock) end
  return {'wait', rank, tostring(wait)}
end

-- Whether the job will soon have its turn by itself; one that waits for minutes, or is gone, holds up nobody.
local function comes_soon(other)
  local status = redis.call('HGET', ARGV[10] .. other, 'status')
  if status == 'queued' or status == 'started' then return true end
  local due = status == 'scheduled' and redis.call('ZSCORE', KEYS[8], other)
  return due and tonumber(due) - now < tonumber(ARGV[11])
end

local size = tonumber(ARGV[5])
local ids = redis.call('ZRANGE', outbox, 0, size - 1)
-- A group was refused as a whole: up to the mark each one goes alone, by its own job, so that the bad one dies alone.
local mark = redis.call('GET', alone)
if mark then
  local refused = redis.call('ZRANGE', outbox, '-inf', mark, 'BYSCORE', 'LIMIT', 0, size)
  local mine = tonumber(redis.call('ZSCORE', outbox, id)) <= tonumber(mark)
  for _, other in ipairs(refused) do
    if other == id then break end
    if comes_soon(other) then
      if holder then redis.call('DEL', lock) end
      return {'busy', rank, '0'}
    end
  end
  if #refused == 0 then
    redis.call('DEL', alone)
  elseif mine then
    ids = {id}
  else
    ids = redis.call('ZRANGE', outbox, '(' .. mark, '+inf', 'BYSCORE', 'LIMIT', 0, size)
  end
end
redis.call('SET', lock, id, 'PX', ARGV[4])
return {'lead', rank, redis.call('ZCARD', outbox), unpack(ids)}
