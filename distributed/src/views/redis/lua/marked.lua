-- What is marked: for each name 1, 0 when it was taken back, -1 when nothing is known.
-- ARGV: prefix, ms that one bucket is for, then names ...
-- Few calls with many names each: Redis does nothing else meanwhile.
local buckets = buckets_of(tonumber(ARGV[2]))
local own = marks_key('m:')
local names_per_call = 500
local found, best = {}, {}

local function look(held, from)
  for index = 1, #held do
    local version, on = string.match(held[index] or '', '^(%d+) (%d)$')
    local at = from + index - 1
    if version and tonumber(version) > best[at] then best[at], found[at] = tonumber(version), tonumber(on) end
  end
end

for first = 3, #ARGV, names_per_call do
  local last = math.min(first + names_per_call - 1, #ARGV)
  local names, keys, from = {}, {}, first - 2
  for at = first, last do
    names[#names + 1], keys[#keys + 1] = ARGV[at], own .. ARGV[at]
    best[at - 2], found[at - 2] = -1, -1
  end
  look(redis.call('MGET', unpack(keys)), from)
  for _, bucket in ipairs(buckets) do look(redis.call('HMGET', bucket, unpack(names)), from) end
end
return {'ok', found}
