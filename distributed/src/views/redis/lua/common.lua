-- What every script begins with. ARGV[1] is the prefix of all keys.
--
-- A timeline is a ZSET: 16-byte post ids by -created_at, the newest first, because Redis looks for the place of a new
-- member from there. Before all of them is the member '', which holds the timeline's floor: every post from the floor on
-- is there. Without '' there is no timeline; while one is being put together the floor is +inf. Authors' posts are kept
-- in the same way; there, no floor means that every post is there.
local prefix = ARGV[1]
local LIVE = prefix .. 'live'
local INF = math.huge
-- Lower than the score of any post, higher than that of any floor.
local POSTS = '-1000000000000000'

-- Whole numbers keep all their digits.
local function text(number)
  if number == INF then return '+inf' end
  if number == -INF then return '-inf' end
  return string.format('%.0f', number)
end

local function generations()
  local live = redis.call('HMGET', LIVE, 'posts', 'graph')
  return live[1], live[2]
end

local function in_generation(token, name, id)
  return prefix .. 'g:' .. token .. ':' .. name .. (id and (':' .. id) or '')
end

local function author_key(posts, author) return in_generation(posts, 'author', author) end
local function followers_key(graph, user) return in_generation(graph, 'followers', user) end
local function following_key(graph, user) return in_generation(graph, 'following', user) end
local function celebrities_key(graph) return in_generation(graph, 'celebrities') end
local function cursors_key(token) return in_generation(token, 'cursors') end

local function timeline_key(posts, graph, user)
  return prefix .. 't:' .. posts .. ':' .. graph .. ':' .. user
end

-- What is known of a timeline while it is put together: `token` of who does it, `floor` at least.
local function building_key(posts, graph, user)
  return prefix .. 'b:' .. posts .. ':' .. graph .. ':' .. user
end

-- A floor as the score of '': around -8e15, where whole numbers are still exact.
local function score_of(floor)
  if floor == INF then return '-7000000000000000' end
  if floor == -INF then return '-9000000000000000' end
  return text(floor - 8e15)
end

local function floor_of(key)
  local score = redis.call('ZSCORE', key, '')
  if not score then return false end
  score = tonumber(score)
  if score == -7e15 then return INF end
  if score == -9e15 then return -INF end
  return score + 8e15
end

local function set_floor(key, floor)
  redis.call('ZADD', key, score_of(floor), '')
end

-- Removes what is older than a time.
local function cut_below(key, floor)
  redis.call('ZREMRANGEBYSCORE', key, '(' .. text(-floor), '+inf')
end

-- Keeps the newest `cap`. Returns the floor that this makes: whatever else is of the same millisecond as the first one
-- that is cut goes too, because a floor is a time.
local function keep_newest(key, cap, with_floor)
  local rank = with_floor and cap + 1 or cap
  local cut = redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')
  local floor = 1 - tonumber(cut[2])
  cut_below(key, floor)
  return floor
end

-- Cuts the oldest when there are more than `cap` and an eighth: not at every post, because it costs as much as adding one.
local function trim(key, cap, floor)
  if redis.call('ZCARD', key) <= cap + math.floor(cap / 8) + 1 then return end
  local cut = keep_newest(key, cap, floor)
  if not floor or cut > floor then set_floor(key, cut) end
end

-- The same while it is put together: what is cut raises the floor that it will have.
local function trim_building(timeline, building, cap)
  if redis.call('ZCARD', timeline) <= 2 * cap + 1 then return end
  local known = tonumber(redis.call('HGET', building, 'floor') or '-inf')
  redis.call('HSET', building, 'floor', text(math.max(known, keep_newest(timeline, cap, true))))
end

-- Adds time, id, time, id ... of what is not below the floor, which is false where there is none.
local function add(key, floor, cap, posts)
  local building = floor == INF
  local at_least = (building or not floor) and -INF or floor
  for from = 1, #posts, 1000 do
    local some = {}
    for at = from, math.min(from + 999, #posts), 2 do
      local time = tonumber(posts[at])
      if time >= at_least then
        some[#some + 1] = text(-time)
        some[#some + 1] = posts[at + 1]
      end
    end
    if #some > 0 then redis.call('ZADD', key, unpack(some)) end
  end
  if not building then trim(key, cap, floor) end
end

-- Adds an author's recent posts to a timeline that is there, and raises its floor to that of the author's posts.
-- `at_least`: nothing older is wanted.
local function merge_author(timeline, building, author, cap, at_least)
  local floor = floor_of(timeline)
  if not floor then return end
  local of_author = floor_of(author) or -INF
  if floor == INF then
    -- Nobody will finish it.
    if redis.call('EXISTS', building) == 0 then return end
    local known = tonumber(redis.call('HGET', building, 'floor') or '-inf')
    if of_author > known then redis.call('HSET', building, 'floor', text(of_author)) end
    at_least = math.max(at_least, of_author, known)
  else
    if of_author > floor then
      cut_below(timeline, of_author)
      set_floor(timeline, of_author)
      floor = of_author
    end
    at_least = math.max(at_least, floor)
  end
  local found = redis.call('ZRANGEBYSCORE', author, POSTS, text(-at_least), 'WITHSCORES')
  local posts = {}
  for at = 1, #found, 2 do
    posts[at] = -tonumber(found[at + 1])
    posts[at + 1] = found[at]
  end
  add(timeline, floor, cap, posts)
  if floor == INF then trim_building(timeline, building, cap) end
end

local function position_of(cursor)
  return cursor and tonumber(string.match(cursor, '^%d+')) or 0
end

-- Whether the generation is still the one that the caller knows, and holds what the caller has written.
local function stands(projection, kind, token, shard, seen)
  local field = kind == 'live' and projection or ('next-' .. projection)
  if redis.call('HGET', LIVE, field) ~= token then return false end
  return position_of(redis.call('HGET', cursors_key(token), shard)) >= tonumber(seen)
end

-- `offset` is '' when it is not known.
local function move_cursor(token, shard, position, offset)
  local held = position_of(redis.call('HGET', cursors_key(token), shard))
  position = tonumber(position)
  if position > held or (position == held and position > 0 and offset ~= '') then
    redis.call('HSET', cursors_key(token), shard, text(position) .. (offset ~= '' and (' ' .. offset) or ''))
  end
end
