-- The leader gives up its lead without a delivery, if it still has it.
-- KEYS: lock, alone mark, lead, ping, pinned deliveries.
-- ARGV: leader's job id, name of this run of it, the post's unique name, alone-up-to score ('' for none), then the ledger keys of deliveries that surely did not happen: what this post marked waits again as if
-- never begun.
if ARGV[4] ~= '' then
  -- Never back: others up to the mark still go alone.
  local mark = redis.call('GET', KEYS[2])
  local before = mark and tonumber(mark) >= tonumber(ARGV[4])
  redis.call('SET', KEYS[2], before and mark or ARGV[4], 'EX', 600)
  redis.call('DEL', KEYS[5])
end
-- Of a later post under the same nonce the first one may have come, so its deliveries stay together.
local pin = #ARGV > 4 and redis.call('GET', KEYS[5])
if pin and string.match(pin, '^[^\n]+') == ARGV[3] then redis.call('DEL', KEYS[5]) end
for i = 5, #ARGV do
  local known = redis.call('HMGET', ARGV[i], 'state', 'post')
  if known[1] == 'sending' and known[2] == ARGV[3] then
    redis.call('HSET', ARGV[i], 'state', 'pending')
    redis.call('HDEL', ARGV[i], 'post')
    -- Nobody was mentioned.
    if redis.call('GET', KEYS[4]) == ARGV[i] then redis.call('DEL', KEYS[4]) end
  end
end
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('GET', KEYS[3]) == ARGV[2] then
  redis.call('DEL', KEYS[1], KEYS[3])
end
