-- Adds posts of one author to the timelines of some followers. Returns where to go on, 0 at the end; and how many
-- followers there were, and how many of them have a timeline.
-- ARGV: prefix, token, cap, followers, author, from, then time, post ...
local token, cap, author = ARGV[2], tonumber(ARGV[3]), ARGV[5]
local live, graph = generations()
if live ~= token or not graph then return {'switched'} end
-- From now on readers merge this author's posts.
if redis.call('HGET', celebrities_key(graph), author) == 'c' then return {'ok', '0', 0, 0} end
local posts = {}
for at = 7, #ARGV do posts[at - 6] = ARGV[at] end
local page = redis.call('SSCAN', followers_key(graph, author), ARGV[6], 'COUNT', ARGV[4])
local found = 0
for _, follower in ipairs(page[2]) do
  local timeline = timeline_key(token, graph, follower)
  local floor = floor_of(timeline)
  if floor then
    found = found + 1
    add(timeline, floor, cap, posts)
  end
end
return {'ok', page[1], #page[2], found}
