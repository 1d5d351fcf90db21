--include pace
-- The last step before a post: admit it under the rate limits, and mark its deliveries as being sent by it.
-- A delivery that another post has marked was begun without a known end: it may be posted twice (ambiguous).
-- A repeat of the same call (a lost reply) finds its own marks and changes nothing.
-- KEYS: address' limit, address' posts, all posts, lock, counters, lead, ping, pinned deliveries.
-- ARGV: leader's job id, name of this run of it, the post's unique name, channel limit, channel window in s,
--       global limit, ledger lifetime in s, ms for which the next mentions wait (0: none wanted), nonce ('' for none),
--       the nonce and the ids, a line each, ms for which Discord surely knows a nonce, ledger keys...
--       (none: an edit of a message may be repeated, so nothing is marked).
-- Returns {'begun', how many are ambiguous, 1 if it may mention somebody}, {'lost'} when another one leads, also another
--         run of the same job, or {'wait', seconds}.
local limit, posts, all, lock, counters, lead = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local post = ARGV[3]

-- One message mentions, and again where it is posted again (a delivery is in one message only, until that failed).
local function may_mention()
  if ARGV[8] == '0' then return 0 end
  redis.call('SET', KEYS[7], ARGV[12], 'NX', 'PX', ARGV[8])
  local holder = redis.call('GET', KEYS[7])
  for i = 12, #ARGV do
    if ARGV[i] == holder then return 1 end
  end
  return 0
end

if redis.call('GET', lock) ~= ARGV[1] or redis.call('GET', lead) ~= ARGV[2] then return {'lost'} end
if redis.call('ZSCORE', posts, post) then return {'begun', 0, may_mention()} end
local wait = admit(redis_now(), limit, posts, all, ARGV[4], ARGV[5], ARGV[6], post)
if wait > 0 then return {'wait', tostring(wait)} end

-- Under a nonce that Discord still knows nothing comes twice.
local pin = redis.call('GET', KEYS[8])
local known_nonce = ARGV[9] ~= '' and pin and string.match(pin, '^[^\n]+') == ARGV[9]
if ARGV[9] ~= '' and not known_nonce then redis.call('SET', KEYS[8], ARGV[10], 'PX', ARGV[11]) end
local ambiguous = 0
for i = 12, #ARGV do
  local known = redis.call('HMGET', ARGV[i], 'state', 'post')
  if not known_nonce and (known[1] == 'held' or (known[1] == 'sending' and known[2] ~= post)) then
    redis.call('HINCRBY', ARGV[i], 'ambiguous', 1)
    redis.call('HINCRBY', counters, 'ambiguous', 1)
    ambiguous = ambiguous + 1
  end
  redis.call('HSET', ARGV[i], 'state', 'sending', 'post', post)
  redis.call('EXPIRE', ARGV[i], ARGV[7])
end
return {'begun', ambiguous, may_mention()}
