-- Included by claim and begin: seconds until a post to this address is admitted (0 or less: now).
-- limit: hash of what Discord's headers said; posts: zset of the address' last posts; all: zset of everybody's.
local function admission(now, limit, posts, all, channel_limit, channel_window, global_limit)
  local function window(key, allowed, seconds)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - seconds)
    local count = redis.call('ZCARD', key)
    if count < allowed then return 0 end
    local freeing = redis.call('ZRANGE', key, count - allowed, count - allowed, 'WITHSCORES')
    return tonumber(freeing[2]) + seconds - now
  end
  local everywhere = tonumber(redis.call('GET', all .. ':blocked_until') or '0')
  local known = redis.call('HMGET', limit, 'blocked_until', 'remaining', 'resets_at')
  local wait = math.max(everywhere - now, (tonumber(known[1] or '0') or 0) - now)
  if known[2] and tonumber(known[2]) <= 0 then wait = math.max(wait, tonumber(known[3]) - now) end
  return math.max(wait, window(posts, channel_limit, channel_window), window(all, global_limit, 1))
end

local function redis_now()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) + tonumber(clock[2]) / 1e6
end
