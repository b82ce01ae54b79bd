-- A timeline from a time on downwards, with what is merged when it is read. Returns its floor, and id, -time ... of the
-- timeline and of each author merged, each in descending order, each enough for the page.
-- ARGV: prefix, user, time, posts wanted, kept for (ms)
local user, from, most, kept_ms = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local posts, graph = generations()
if not posts or not graph then return {'none'} end
local timeline = timeline_key(posts, graph, user)
local floor = floor_of(timeline)
if not floor or floor == INF then return {'none'} end
-- Not at every read: it is a write.
if redis.call('PTTL', timeline) < kept_ms * 0.95 then redis.call('PEXPIRE', timeline, text(kept_ms)) end
local found = {}

local function take(key)
  local first, same = POSTS, 0
  if from ~= '+inf' then
    first = text(-tonumber(from))
    same = redis.call('ZCOUNT', key, first, first)
  end
  local page = redis.call('ZRANGEBYSCORE', key, first, '+inf', 'WITHSCORES', 'LIMIT', 0, most + same)
  for at = 1, #page do found[#found + 1] = page[at] end
  if #page < 2 * (most + same) then return end
  -- The page ends among posts of one millisecond, which stand here in the other order: the reader needs all of them.
  local last = page[#page]
  local tied = redis.call('ZRANGEBYSCORE', key, last, last, 'WITHSCORES')
  for at = 1, #tied do found[#found + 1] = tied[at] end
end

local function follows(author)
  local version = redis.call('ZSCORE', following_key(graph, user), author)
  return version and tonumber(version) % 2 == 1
end

take(timeline)
local celebrities = celebrities_key(graph)
local count = redis.call('HLEN', celebrities)
if count > 0 then
  local merged = {}
  if count <= redis.call('ZCARD', following_key(graph, user)) then
    merged = redis.call('HKEYS', celebrities)
  else
    for _, author in ipairs(redis.call('ZRANGE', following_key(graph, user), 0, -1)) do
      if redis.call('HEXISTS', celebrities, author) == 1 then merged[#merged + 1] = author end
    end
  end
  for _, author in ipairs(merged) do
    if follows(author) then
      local key = author_key(posts, author)
      floor = math.max(floor, floor_of(key) or -INF)
      take(key)
    end
  end
end
return {'ok', text(floor), found}
