-- The timeline is there.
-- ARGV: prefix, user, token, posts, graph, cap, kept for (ms), floor, then time, post ...
local user, token, posts, graph = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local timeline, building = timeline_key(posts, graph, user), building_key(posts, graph, user)
local live, live_graph = generations()
if live ~= posts or live_graph ~= graph or redis.call('HGET', building, 'token') ~= token
  or floor_of(timeline) ~= INF then
  return {'lost'}
end
local floor = math.max(tonumber(ARGV[8]), tonumber(redis.call('HGET', building, 'floor')))
cut_below(timeline, floor)
set_floor(timeline, floor)
local found = {}
for at = 9, #ARGV do found[at - 8] = ARGV[at] end
add(timeline, floor, tonumber(ARGV[6]), found)
redis.call('PEXPIRE', timeline, ARGV[7])
redis.call('DEL', building)
return {'ok'}
