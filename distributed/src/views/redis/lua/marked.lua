-- What is marked: for each name 1, 0 when it was taken back, -1 when nothing is known.
-- ARGV: prefix, ms that one bucket is for, then names ...
local buckets = buckets_of(tonumber(ARGV[2]))
local found = {}
for at = 3, #ARGV do
  local name, best, mark = ARGV[at], -1, -1
  local held = { redis.call('GET', prefix .. 'm:' .. name) }
  for _, bucket in ipairs(buckets) do held[#held + 1] = redis.call('HGET', bucket, name) end
  for index = 1, 4 do
    local version, on = string.match(held[index] or '', '^(%d+) (%d)$')
    if version and tonumber(version) > best then best, mark = tonumber(version), tonumber(on) end
  end
  found[#found + 1] = mark
end
return {'ok', found}
