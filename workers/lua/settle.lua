--include commands
-- A job's execution ends and the job moves on, once: a repeat of the same call, or a worker whose job was taken back
-- while it was away, changes nothing.
-- KEYS: started registry (wip), scheduled registry, lock of the destination ('' for none), ledger of a delivery that
--       dies ('' for none).
-- ARGV: member of the execution in wip, job id, seconds until it runs again ('' for not), wake channel, commands...
-- Returns 1 if it was done, else 0.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
do_commands(5)
-- Due by Redis' own clock, the one that the scheduler goes by.
if ARGV[3] ~= '' then
  local clock = redis.call('TIME')
  local due = tonumber(clock[1]) + tonumber(clock[2]) / 1e6 + tonumber(ARGV[3])
  redis.call('ZADD', KEYS[2], string.format('%.6f', due), ARGV[2])
  redis.call('PUBLISH', ARGV[4], ARGV[3])
end
-- It died with a post of unknown end; put back from the dead letters it is posted, whatever the policy.
if KEYS[4] ~= '' and redis.call('HGET', KEYS[4], 'state') == 'sending' then redis.call('HSET', KEYS[4], 'state', 'held') end
-- Whatever way a leader ends, it leads no more.
if KEYS[3] ~= '' and redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1
