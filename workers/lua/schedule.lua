-- Puts a job into RQ's ScheduledJobRegistry, due by Redis' own clock, and wakes the scheduler.
-- KEYS: registry. ARGV: job id, delay in s, wake channel.
local clock = redis.call('TIME')
local due = tonumber(clock[1]) + tonumber(clock[2]) / 1e6 + tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%.6f', due), ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[2])
