-- Sets marks and takes them back, each if its version is higher than that of what is there.
-- ARGV: prefix, ms that one bucket is for, projection, kind, token, shard, seen, then where, name, version, 1 or 0 ...
-- `stay` and `go`: a key of its own, the one for good, the other until Redis needs the room (it says what no mark says).
-- `bucket`: for a while.
if not stands(ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]) then return {'switched'} end
local buckets, first, bucket_key = buckets_of(tonumber(ARGV[2]))
local own = marks_key('m:')

local function version_of(mark)
  return mark and tonumber(string.match(mark, '^%d+')) or -1
end

for at = 8, #ARGV, 4 do
  local where, name, version = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local mark = ARGV[at + 2] .. ' ' .. ARGV[at + 3]
  if where == 'bucket' then
    local known = -1
    for _, bucket in ipairs(buckets) do known = math.max(known, version_of(redis.call('HGET', bucket, name))) end
    if version > known then
      if redis.call('EXISTS', buckets[1]) == 0 then
        for old = first - 24, first - 1 do redis.call('UNLINK', bucket_key(old)) end
      end
      redis.call('HSET', buckets[1], name, mark)
    end
  else
    local key = own .. name
    if version > version_of(redis.call('GET', key)) then
      if where == 'stay' then
        redis.call('SET', key, mark)
      else
        redis.call('SET', key, mark, 'EX', 86400)
      end
    end
  end
end
return {'ok'}
