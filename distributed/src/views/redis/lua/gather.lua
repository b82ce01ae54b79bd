-- Merges the recent posts of some of the user's followees, and of the user, into the timeline that is put together.
-- Returns where to go on, 0 at the end.
-- ARGV: prefix, user, token, posts, graph, cap, followees, from, at least (time)
local user, token, posts, graph = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local cap, at_least = tonumber(ARGV[6]), tonumber(ARGV[9])
local timeline, building = timeline_key(posts, graph, user), building_key(posts, graph, user)
local live, live_graph = generations()
if live ~= posts or live_graph ~= graph or redis.call('HGET', building, 'token') ~= token then return {'lost'} end
if ARGV[8] == '0' then merge_author(timeline, building, author_key(posts, user), cap, at_least) end
local page = redis.call('ZSCAN', following_key(graph, user), ARGV[8], 'COUNT', ARGV[7])
for at = 1, #page[2], 2 do
  local author = page[2][at]
  if tonumber(page[2][at + 1]) % 2 == 1 and redis.call('HGET', celebrities_key(graph), author) ~= 'c' then
    merge_author(timeline, building, author_key(posts, author), cap, at_least)
  end
end
return {'ok', page[1]}
