--include pace
-- Discord has taken the message: its deliveries are done, whoever's jobs they were; what it said of its limits is kept.
-- KEYS: outbox, lock, counters, address' limit, all posts, lead, pinned deliveries, what is kept of the message ('' for
--       nothing), disabled mark.
-- ARGV: leader's job id, name of this run of it, message id, ledger lifetime in s, remaining ('' for unsaid),
--       reset after in s, what is kept, its lifetime in s, '1' if only a leader may keep it, number, ids...,
--       ledger keys...
local leads = redis.call('GET', KEYS[2]) == ARGV[1] and redis.call('GET', KEYS[6]) == ARGV[2]
local count = tonumber(ARGV[10])
for i = 1, count do
  local id, ledger = ARGV[10 + i], ARGV[10 + count + i]
  if redis.call('HGET', ledger, 'state') ~= 'delivered' then
    -- Notices to the operator are no part of the account.
    if string.sub(id, 1, 6) ~= 'admin-' then redis.call('HINCRBY', KEYS[3], 'delivered', 1) end
    redis.call('HSET', ledger, 'state', 'delivered', 'message', ARGV[3])
    redis.call('HDEL', ledger, 'post')
    redis.call('EXPIRE', ledger, ARGV[4])
  end
  redis.call('ZREM', KEYS[1], id)
end
-- Before the lock is free: the next leader must know of an empty bucket.
redis.call('HDEL', KEYS[4], 'failures')
keep_limits(KEYS[4], KEYS[5], ARGV[5], ARGV[6], '', '0')
-- What was refused once was put right.
local off = redis.call('HGET', KEYS[9], 'address')
if off and off ~= '*' then redis.call('DEL', KEYS[9]) end
if KEYS[8] ~= '' and (leads or ARGV[9] ~= '1') then redis.call('SET', KEYS[8], ARGV[7], 'EX', ARGV[8]) end
if leads then redis.call('DEL', KEYS[2], KEYS[6], KEYS[7]) end
