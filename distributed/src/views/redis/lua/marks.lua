-- Sets marks and takes them back, each if its version is higher than that of what is there.
-- ARGV: prefix, time to live in ms, then key, version, 1 or 0 ...
for at = 3, #ARGV, 3 do
  local key, version = prefix .. ARGV[at], tonumber(ARGV[at + 1])
  local there = redis.call('GET', key)
  local known = there and tonumber(string.match(there, '^%d+')) or -1
  if version > known then
    redis.call('SET', key, ARGV[at + 1] .. ' ' .. ARGV[at + 2], 'PX', ARGV[2])
  end
end
return {'ok'}
