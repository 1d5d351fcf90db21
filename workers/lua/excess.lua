-- Finds the dead letters beyond their limits, the longest dead first.
-- KEYS: failed registry (score: when RQ would expire the letter). ARGV: prefix of job keys, most letters, most bytes of
-- all, score up to which a letter's lifetime is over, most ids to return.
local registry, count, bytes = KEYS[1], 0, 0
local most_letters, most_bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
for _, id in ipairs(redis.call('ZRANGE', registry, 0, most_letters, 'REV')) do
  bytes = bytes + redis.call('HSTRLEN', ARGV[1] .. id, 'data') + redis.call('HSTRLEN', ARGV[1] .. id, 'meta')
  if count == most_letters or bytes > most_bytes then break end
  count = count + 1
end
local excess = math.min(redis.call('ZCARD', registry) - count, tonumber(ARGV[5]))
if excess > 0 then return redis.call('ZRANGE', registry, 0, excess - 1) end
-- Below zero stands what RQ never expires.
return redis.call('ZRANGE', registry, 0, ARGV[4], 'BYSCORE', 'LIMIT', 0, ARGV[5])
