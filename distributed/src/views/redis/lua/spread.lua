-- Merges the posts of an author who is no celebrity any more into the timelines of some followers; at the end, when
-- nobody has marked the author since, readers need not merge them any more.
-- ARGV: prefix, token, cap, followers, author, from, mark
local token, cap, author = ARGV[2], tonumber(ARGV[3]), ARGV[5]
local posts, graph = generations()
if graph ~= token or not posts then return {'switched'} end
if redis.call('HGET', celebrities_key(graph), author) ~= ARGV[7] then return {'ok', '0'} end
local page = redis.call('SSCAN', followers_key(graph, author), ARGV[6], 'COUNT', ARGV[4])
for _, follower in ipairs(page[2]) do
  merge_author(
    timeline_key(posts, graph, follower), building_key(posts, graph, follower), author_key(posts, author), cap, -INF
  )
end
if page[1] == '0' then redis.call('HDEL', celebrities_key(graph), author) end
return {'ok', page[1]}
