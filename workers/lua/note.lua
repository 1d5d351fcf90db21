--include pace
-- Keeps what a reply of Discord said of its limits, by Redis' clock.
-- KEYS: address' limit, all posts. ARGV: remaining ('' for unsaid), reset after in s, blocked for in s ('' for not),
--       '1' when everything is blocked.
keep_limits(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
