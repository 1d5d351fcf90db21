--include commands
-- A worker begins a job that it has taken, unless somebody took it back meanwhile. A repeat of the same call changes
-- nothing.
-- KEYS: started registry (wip), the slot's intermediate list.
-- ARGV: member of the execution in wip, job id, commands...
-- Returns {1 if it has begun else 0, how many ids are left in the slot's list}.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('LREM', KEYS[2], 1, ARGV[2]) == 0 then return {0, redis.call('LLEN', KEYS[2])} end
  do_commands(3)
end
return {1, redis.call('LLEN', KEYS[2])}
