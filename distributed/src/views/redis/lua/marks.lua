-- Sets marks and takes them back, each if its version is higher than that of what is there.
-- ARGV: prefix, time to live in ms, then key, version, 1 or 0, whether it goes after that time (1) or stays (0) ...
for at = 3, #ARGV, 4 do
  local key, version = prefix .. ARGV[at], tonumber(ARGV[at + 1])
  local there = redis.call('GET', key)
  local known = there and tonumber(string.match(there, '^%d+')) or -1
  if version > known then
    local mark = ARGV[at + 1] .. ' ' .. ARGV[at + 2]
    if ARGV[at + 3] == '1' then
      redis.call('SET', key, mark, 'PX', ARGV[2])
    else
      redis.call('SET', key, mark)
    end
  end
end
return {'ok'}
