-- Takes dead letters out of Redis, each only while it is the one that was read: one that was put back, or that died anew
-- since then, stays. A repeat of the same call changes nothing and gives the same answer.
-- KEYS: failed registry, index of the dead. ARGV: prefix of job keys, of results keys, then per letter its id, its meta
-- as it was read ('' for none) and its outbox ('' for none).
-- Returns the ids that stay.
local stay = {}
for i = 3, #ARGV, 3 do
  local id, job = ARGV[i], ARGV[1] .. ARGV[i]
  local is_letter = redis.call('ZSCORE', KEYS[1], id)
  if is_letter and (redis.call('HGET', job, 'meta') or '') == ARGV[i + 1] then
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('DEL', job, ARGV[2] .. id)
    if ARGV[i + 2] ~= '' then redis.call('ZREM', ARGV[i + 2], id) end
  elseif is_letter or redis.call('EXISTS', job) == 1 then
    table.insert(stay, id)
  end
end
return stay
