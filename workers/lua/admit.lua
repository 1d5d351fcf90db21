--include pace
-- Admit an edit of a message under the rate limits, if nobody else is just editing that message. What is new goes
-- first: an edit waits while something waits to be posted there, and leaves part of the channel's posts to what may come.
-- KEYS: address' limit, address' posts, all posts, lock of the message, outbox.
-- ARGV: name of this edit, channel limit for edits, channel window in s, global limit, lock time in ms,
--       seconds until the next look while something waits to be posted, job id of the edit (a recovered job owns its
--       lock at once).
-- Returns {'busy'}, {'wait', seconds}, or {'begun'}.
if redis.call('EXISTS', KEYS[5]) == 1 then return {'wait', ARGV[6]} end
local holder = redis.call('GET', KEYS[4])
if holder and holder ~= ARGV[7] then return {'busy'} end
redis.call('SET', KEYS[4], ARGV[7], 'PX', ARGV[5])
local wait = admit(redis_now(), KEYS[1], KEYS[2], KEYS[3], ARGV[2], ARGV[3], ARGV[4], ARGV[1])
if wait <= 0 then return {'begun'} end
redis.call('DEL', KEYS[4])
return {'wait', tostring(wait)}
