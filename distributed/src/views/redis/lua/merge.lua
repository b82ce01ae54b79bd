-- Merges authors' recent posts into timelines that are there.
-- ARGV: prefix, token, cap, then follower, followee ...
local token, cap = ARGV[2], tonumber(ARGV[3])
local posts, graph = generations()
if graph ~= token or not posts then return {'switched'} end
for at = 4, #ARGV, 2 do
  local follower, author = ARGV[at], ARGV[at + 1]
  if redis.call('HGET', celebrities_key(graph), author) ~= 'c' then
    merge_author(
      timeline_key(posts, graph, follower), building_key(posts, graph, follower), author_key(posts, author), cap, -INF
    )
  end
end
return {'ok'}
