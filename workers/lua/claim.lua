--include pace
-- A delivery job asks to lead its destination: to post the oldest of what waits there.
-- KEYS: outbox, lock, alone mark, disabled mark, address' limit, address' posts, all posts.
-- ARGV: job id, its ledger key, its score, lock time in ms, group size, address' fingerprint, channel limit,
--       channel window in s, global limit.
-- Returns {'done'}: it was delivered by another leader. {'disabled'}: Discord no longer knows the address.
--         {'busy', rank}: another one leads, or must go first. {'wait', rank, seconds}: the rate limits do not admit a post.
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
if holder and holder ~= id then return {'busy', rank} end
local wait = admission(redis_now(), KEYS[5], KEYS[6], KEYS[7], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]))
if wait > 0 then
  if holder then redis.call('DEL', lock) end
  return {'wait', rank, tostring(wait)}
end
local size = tonumber(ARGV[5])
-- A group was refused as a whole: up to the mark each one goes alone, by its own job, so that the bad one dies alone.
local mark = tonumber(redis.call('GET', alone) or '')
if mark then
  local head = redis.call('ZRANGE', outbox, 0, 0, 'WITHSCORES')
  if tonumber(head[2]) <= mark then
    if rank > 0 then
      if holder then redis.call('DEL', lock) end
      return {'busy', rank}
    end
    size = 1
  else
    redis.call('DEL', alone)
  end
end
redis.call('SET', lock, id, 'PX', ARGV[4])
local reply = redis.call('ZRANGE', outbox, 0, size - 1)
table.insert(reply, 1, redis.call('ZCARD', outbox))
table.insert(reply, 1, rank)
table.insert(reply, 1, 'lead')
return reply
