-- Where a shard stands. Where nothing is live, because the store is new or lost what it held, something empty becomes it.
-- ARGV: prefix, projection, kind, shard, token for posts, token for graph, token for the projection if it is another
redis.call('HSETNX', LIVE, 'posts', ARGV[5])
redis.call('HSETNX', LIVE, 'graph', ARGV[6])
redis.call('HSETNX', LIVE, ARGV[2], ARGV[7])
local field = ARGV[3] == 'live' and ARGV[2] or ('next-' .. ARGV[2])
local token = redis.call('HGET', LIVE, field)
if not token then return {'none'} end
return {'ok', token, redis.call('HGET', cursors_key(token), ARGV[4]) or ''}
