-- Begins a timeline: from now on it gets what is fanned out. One at a time puts it together.
-- ARGV: prefix, user, token, time for it (ms)
local user, token, time_ms = ARGV[2], ARGV[3], ARGV[4]
local posts, graph = generations()
if not posts or not graph then return {'none'} end
local timeline, building = timeline_key(posts, graph, user), building_key(posts, graph, user)
local floor = floor_of(timeline)
if floor and floor ~= INF then return {'there'} end
-- A timeline that is gone meanwhile (the memory was full) will not be finished by whoever began it.
if floor and redis.call('EXISTS', building) == 1 then return {'busy'} end
redis.call('DEL', timeline, building)
set_floor(timeline, INF)
redis.call('PEXPIRE', timeline, time_ms)
redis.call('HSET', building, 'token', token, 'floor', '-inf')
redis.call('PEXPIRE', building, time_ms)
return {'begun', posts, graph}
