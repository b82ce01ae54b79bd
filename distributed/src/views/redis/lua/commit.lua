-- The end of a step: dead letters, and the cursor.
-- ARGV: prefix, projection, kind, token, shard, seen, position, offset, number of streams that were redriven, those
--       streams, then position, stream, letter ...
local projection, kind, token, shard, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not stands(projection, kind, token, shard, seen) then return {'switched'} end
local letters, positions = in_generation(token, 'letters'), in_generation(token, 'letter-positions')
local streams = in_generation(token, 'parked')
local redriven = tonumber(ARGV[9])
for at = 10, 9 + redriven do
  local parked = in_generation(token, 'parked', ARGV[at])
  for _, position in ipairs(redis.call('SMEMBERS', parked)) do
    redis.call('HDEL', letters, position)
    redis.call('ZREM', positions, position)
  end
  redis.call('DEL', parked)
  redis.call('SREM', streams, ARGV[at])
end
for at = 10 + redriven, #ARGV, 3 do
  local position, stream = ARGV[at], ARGV[at + 1]
  if redis.call('HSETNX', letters, position, ARGV[at + 2]) == 1 then
    redis.call('ZADD', positions, position, position)
    redis.call('SADD', in_generation(token, 'parked', stream), position)
    redis.call('SADD', streams, stream)
  end
end
move_cursor(token, shard, ARGV[7], ARGV[8])
return {'ok'}
