-- The next generation becomes the live one.
-- ARGV: prefix, projection
local projection = ARGV[2]
local old = redis.call('HGET', LIVE, projection)
local token = redis.call('HGET', LIVE, 'next-' .. projection)
if not token or not old then return {'none'} end
local filled = position_of(redis.call('HGET', cursors_key(token), 'log'))
local held = redis.call('HGETALL', cursors_key(old))
local follows_log = #held == 0
for at = 1, #held, 2 do
  local shard, cursor = held[at], held[at + 1]
  if shard == 'log' then
    follows_log = true
  elseif position_of(cursor) <= filled then
    redis.call('HSET', cursors_key(token), shard, cursor)
  else
    redis.call('HSET', cursors_key(token), shard, text(filled))
  end
end
if not follows_log then redis.call('HDEL', cursors_key(token), 'log') end
-- Conversations: what was complete is so again when every shard is where the furthest one was.
local filled = redis.call('HGET', filled_key(old), 'position')
if filled then
  local furthest = tonumber(filled)
  for at = 2, #held, 2 do furthest = math.max(furthest, position_of(held[at])) end
  redis.call('HSETNX', filled_key(token), 'position', text(furthest))
end
redis.call('HSET', LIVE, projection, token)
redis.call('HDEL', LIVE, 'next-' .. projection)
return {'ok'}
