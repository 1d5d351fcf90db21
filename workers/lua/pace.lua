-- Included by what asks for the rate limits (claim, begin) and by what keeps them (note, acknowledge).
-- limit: hash of what Discord's headers said; posts: zset of the address' last posts; all: zset of everybody's.
local function redis_now()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) + tonumber(clock[2]) / 1e6
end

-- Seconds until a post to this address is admitted (0 or less: now).
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

-- Admit a post of this name and count it; gives the seconds that it must wait instead (0 or less: it may go out).
local function admit(now, limit, posts, all, channel_limit, channel_window, global_limit, post)
  local allowed, window, everywhere = tonumber(channel_limit), tonumber(channel_window), tonumber(global_limit)
  local wait = admission(now, limit, posts, all, allowed, window, everywhere)
  if wait > 0 then return wait end
  redis.call('ZADD', posts, now, post)
  redis.call('EXPIRE', posts, math.ceil(tonumber(channel_window)) + 1)
  redis.call('ZADD', all, now, post)
  redis.call('EXPIRE', all, 2)
  if redis.call('HEXISTS', limit, 'remaining') == 1 then redis.call('HINCRBY', limit, 'remaining', -1) end
  return 0
end

-- remaining, blocked: '' for unsaid; reset_after, blocked: seconds; everywhere: '1' when everything is blocked.
local function keep_limits(limit, all, remaining, reset_after, blocked, everywhere)
  if remaining == '' and blocked == '' then return end
  local now = redis_now()
  local lifetime = math.ceil(tonumber(reset_after)) + 1
  if remaining ~= '' then
    redis.call('HSET', limit, 'remaining', remaining, 'resets_at', string.format('%.6f', now + tonumber(reset_after)))
  end
  if blocked ~= '' then
    local until_then = string.format('%.6f', now + tonumber(blocked))
    lifetime = math.max(lifetime, math.ceil(tonumber(blocked)) + 1)
    redis.call('HSET', limit, 'blocked_until', until_then)
    if everywhere == '1' then redis.call('SET', all .. ':blocked_until', until_then, 'EX', lifetime) end
  end
  -- Never sooner than before: a longer block may stand there.
  if redis.call('TTL', limit) < lifetime then redis.call('EXPIRE', limit, lifetime) end
end
