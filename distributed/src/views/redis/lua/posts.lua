-- Takes new posts: into their authors' posts, then into the timelines of the authors and of their followers. Authors
-- with too many followers for what this call may still do are handed back. With none, the cursor moves.
-- ARGV: prefix, kind, token, shard, seen, position, offset, moves the cursor (1), cap, adds at most,
--       then author, time, post ... ordered by author.
local kind, token, shard, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not stands('posts', kind, token, shard, seen) then return {'switched'} end
local cap, budget = tonumber(ARGV[9]), tonumber(ARGV[10])
local _, graph = generations()
local left = {}

local function take(author, posts)
  local key = author_key(token, author)
  add(key, floor_of(key), cap, posts)
  if kind ~= 'live' or not graph then return end
  local own = timeline_key(token, graph, author)
  local floor = floor_of(own)
  if floor then add(own, floor, cap, posts) end
  if redis.call('HGET', celebrities_key(graph), author) == 'c' then return end
  local followers = redis.call('SCARD', followers_key(graph, author))
  local adds = followers * #posts / 2
  if adds > budget then
    left[#left + 1] = author
    return
  end
  budget = budget - adds
  if followers == 0 then return end
  for _, follower in ipairs(redis.call('SMEMBERS', followers_key(graph, author))) do
    local timeline = timeline_key(token, graph, follower)
    local floor = floor_of(timeline)
    if floor then add(timeline, floor, cap, posts) end
  end
end

local at = 11
while at <= #ARGV do
  local author, posts = ARGV[at], {}
  while ARGV[at] == author do
    posts[#posts + 1] = ARGV[at + 1]
    posts[#posts + 1] = ARGV[at + 2]
    at = at + 3
  end
  take(author, posts)
end
local moved = ARGV[8] == '1' and #left == 0
if moved then move_cursor(token, shard, ARGV[6], ARGV[7]) end
return {'ok', moved and 1 or 0, left}
