--include pace
-- A delivery job asks to lead its destination: to post the oldest of what waits there.
-- KEYS: outbox, lock, alone mark, disabled mark, address' limit, address' posts, all posts, scheduled registry, lead,
--       enrichment queue, open digest, pinned deliveries.
-- ARGV: job id, its ledger key, its score, lock time in ms, group size, address' fingerprint, channel limit,
--       channel window in s, global limit, prefix of job keys, most seconds that a turn is waited for,
--       name of this run of the job, '1' to hold what may have been posted, prefix of ledger keys,
--       '1' for one that has only just come, seconds between two posts that the address' bucket allows for ever,
--       most deliveries that one leads, seconds between two edits of a digest.
-- Returns {'done'}: it was delivered by another leader. {'disabled', reason}: nothing is posted there any more.
--         {'busy', rank, seconds}: another one leads (for so long already), or must go first.
--         {'wait', rank, seconds}: the rate limits do not admit a post.
--         {'held'}: an earlier post of it had no known end, and that is not to be repeated.
--         {'gather', seconds}: more are just coming, and will fill the message.
--         {'lead', rank, how many wait, nonce of an earlier post of just these ('' for none),
--         1 if it goes alone as its group was refused, ids of the oldest...}.
local outbox, lock, alone, lead = KEYS[1], KEYS[2], KEYS[3], KEYS[9]
local id, ledger = ARGV[1], ARGV[2]
local hold, ledgers = ARGV[13] == '1', ARGV[14]
if redis.call('HGET', ledger, 'state') == 'delivered' then
  redis.call('ZREM', outbox, id)
  if redis.call('GET', lock) == id then redis.call('DEL', lock, lead) end
  return {'done'}
end
local off = redis.call('HMGET', KEYS[4], 'address', 'reason')
if off[1] == '*' or off[1] == ARGV[6] then return {'disabled', off[2] or ''} end
-- Not in the outbox and not delivered: it comes back from the dead letters.
redis.call('ZADD', outbox, 'NX', ARGV[3], id)
local rank = redis.call('ZRANK', outbox, id)
local holder = redis.call('GET', lock)
-- A leader whose job is gone (an operator emptied the queue that it was taken back to) leads no more.
if holder and holder ~= id and redis.call('EXISTS', ARGV[10] .. holder) == 1 then
  return {'busy', rank, tostring((tonumber(ARGV[4]) - redis.call('PTTL', lock)) / 1000)}
end
local function stay_behind(answer)
  if holder then redis.call('DEL', lock, lead) end
  return answer
end

-- A bot's post without a known end: the same deliveries under the same nonce come once, however often they are sent.
local nonce, pinned, is_pinned = '', {}, {}
for word in string.gmatch(redis.call('GET', KEYS[12]) or '', '[^\n]+') do
  if nonce == '' then
    nonce = word
  elseif redis.call('ZSCORE', outbox, word) then
    table.insert(pinned, word)
    is_pinned[word] = true
  end
end
if #pinned == 0 then nonce = '' end

-- Nobody leads, so nobody is just sending it: whoever began that did not come to know its end.
local function of_unknown_end(other)
  return not is_pinned[other] and redis.call('HGET', ledgers .. other, 'state') == 'sending'
end
if hold and of_unknown_end(id) then return stay_behind({'held'}) end
local now = redis_now()
local wait = admission(now, KEYS[5], KEYS[6], KEYS[7], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]))
if wait > 0 then return stay_behind({'wait', rank, tostring(wait)}) end

-- In a burst the first ones would use up the channel's posts one by one, and the rest wait a minute for them.
-- A digest gathers, too: each edit of it costs a post.
local edits = redis.call('EXISTS', KEYS[11]) == 1
if nonce == '' and (edits or redis.call('ZCARD', outbox) < tonumber(ARGV[5]) and redis.call('LLEN', KEYS[10]) > 0) then
  local last = redis.call('ZRANGE', KEYS[6], -1, -1, 'WITHSCORES')[2]
  local left = last and tonumber(last) + tonumber(edits and ARGV[18] or ARGV[16]) - now or 0
  -- Each group behind it has its own edit to wait for: thousands that all look every two seconds would hold up others.
  if left > 0 and edits then left = left + math.floor(rank / tonumber(ARGV[17])) * tonumber(ARGV[18]) end
  if left > 0 then return stay_behind({'gather', tostring(left)}) end
  if not last and ARGV[15] == '1' and not edits then return stay_behind({'gather', '0.05'}) end
end

-- Whether the job will soon have its turn by itself; one that waits for minutes, or is gone, holds up nobody.
local function comes_soon(other)
  local status = redis.call('HGET', ARGV[10] .. other, 'status')
  if status == 'queued' or status == 'started' then return true end
  local due = status == 'scheduled' and redis.call('ZSCORE', KEYS[8], other)
  return due and tonumber(due) - now < tonumber(ARGV[11])
end

-- The oldest deliveries whose score is in the range, without those that are held: they die by their own jobs.
local size = tonumber(ARGV[17])
local function oldest(from, to)
  local most = hold and 10 * size or size
  local found = {}
  for _, other in ipairs(redis.call('ZRANGE', outbox, from, to, 'BYSCORE', 'LIMIT', 0, most)) do
    if #found < size and not (hold and of_unknown_end(other)) then table.insert(found, other) end
  end
  return found
end

-- A group was refused as a whole: up to the mark each one goes alone, by its own job, so that the bad one dies alone.
local ids, goes_alone = nonce ~= '' and pinned, 0
local mark = redis.call('GET', alone)
if mark and not ids then
  local refused = oldest('-inf', mark)
  local mine = tonumber(redis.call('ZSCORE', outbox, id)) <= tonumber(mark)
  for _, other in ipairs(refused) do
    if other == id then break end
    if comes_soon(other) then return stay_behind({'busy', rank, '0'}) end
  end
  if #refused == 0 then
    redis.call('DEL', alone)
  elseif mine then
    ids, goes_alone = {id}, 1
  else
    ids = oldest('(' .. mark, '+inf')
  end
end
ids = ids or oldest('-inf', '+inf')
if #ids == 0 then ids = {id} end
redis.call('SET', lock, id, 'PX', ARGV[4])
redis.call('SET', lead, ARGV[12], 'PX', ARGV[4])
return {'lead', rank, redis.call('ZCARD', outbox), nonce, goes_alone, unpack(ids)}
