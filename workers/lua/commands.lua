-- Included by start and settle: does the commands that begin at `at` in ARGV, each as its length and its words.
-- Under Redis' memory limit only the first write of a script is refused, so none of these is left half done.
local function do_commands(at)
  while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, last))
    at = last + 1
  end
end
