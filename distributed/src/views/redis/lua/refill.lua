-- Gives up every generation, so that the projections fill the store again from the log: once, whichever process comes first.
-- ARGV: prefix, run of the server, its evictions so far
local evictions = prefix .. 'evictions'
if redis.call('HGET', evictions, 'lost') == '0' then return {'done'} end
give_up_all(redis.call('HGET', LIVE, 'history'))
redis.call('HSET', evictions, 'run', ARGV[2], 'whole_at', ARGV[3], 'lost', '0')
return {'ok'}
