-- An edit has ended: the message as it stands now is kept, and what went into it waits no more.
-- KEYS: lock of the message, what is kept of it, revisions that wait for it.
-- ARGV: job id of the edit, the message as it is kept ('' for: nothing changed), then (delivery, revision)...
-- A paused process may have lost the lock: what another one has kept since is newer.
local mine = redis.call('GET', KEYS[1]) == ARGV[1]
if mine and ARGV[2] ~= '' and redis.call('EXISTS', KEYS[2]) == 1 then redis.call('SET', KEYS[2], ARGV[2], 'KEEPTTL') end
for i = 3, #ARGV, 2 do
  -- A newer one may have come meanwhile.
  if redis.call('HGET', KEYS[3], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[3], ARGV[i]) end
end
if mine then redis.call('DEL', KEYS[1]) end
