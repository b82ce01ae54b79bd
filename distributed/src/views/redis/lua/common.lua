-- What every script begins with. ARGV[1] is the prefix of all keys.
--
-- A timeline is a ZSET: 16-byte post ids by -created_at, the newest first, because Redis looks for the place of a new
-- member from there. Before all of them is the member '', which holds the timeline's floor: every post from the floor on
-- is there. Without '' there is no timeline; while one is being put together the floor is +inf. Authors' posts are kept
-- in the same way; there, no floor means that every post is there.
local prefix = ARGV[1]
-- The number says what is in there: a store that another version filled otherwise is one that has to be filled anew.
local LIVE = prefix .. 'live-2'
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

-- Every projection fills an empty generation from the log then.
local function give_up_all(history)
  redis.call('DEL', LIVE)
  if history then redis.call('HSET', LIVE, 'history', history) end
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

-- `offset` is '' or begins with -1 when it is not known. Behind it may stand the mark of the event there.
local function move_cursor(token, shard, position, offset)
  local held = position_of(redis.call('HGET', cursors_key(token), shard))
  position = tonumber(position)
  local is_known = offset ~= '' and string.sub(offset, 1, 2) ~= '-1'
  if position > held or (position == held and position > 0 and is_known) then
    redis.call('HSET', cursors_key(token), shard, text(position) .. (offset ~= '' and (' ' .. offset) or ''))
  end
end

-- Conversations. Who is in one: a ZSET of 16-byte user ids by 2 * version + member. What was said last: `window`, a ZSET of
-- 16-byte message ids by seq, and `said`, a HASH of what each of them is, with the state of the window itself under ''.
-- One without the other is nothing.
local function members_key(token, id) return in_generation(token, 'members', id) end
local function window_key(token, id) return in_generation(token, 'window', id) end
local function said_key(token, id) return in_generation(token, 'said', id) end
-- When a generation of the conversations began to be filled, and the position behind which it knows all that was then.
local function filled_key(token) return in_generation(token, 'filled') end

-- The state of a window: every event of the conversation's messages from `floor` to `head` was seen, but for the `holes`,
-- { from, to } in ascending order. `bytes` of what is held; when it `ends` (ms); `stubs` are what is known of messages that
-- have not come yet, in ZSETs half a seq below the event that told of them.
local function window_of(window, said)
  local state = redis.call('HGET', said, '')
  if not state or redis.call('EXISTS', window) == 0 then return nil end
  local found = { holes = {} }
  local numbers, holes = string.match(state, '^([^|]*)|(.*)$')
  local read = string.gmatch(numbers, '%S+')
  for _, name in ipairs({'floor', 'head', 'bytes', 'ends', 'stubs'}) do found[name] = tonumber(read()) end
  for from, to in string.gmatch(holes, '(%d+)-(%d+)') do
    found.holes[#found.holes + 1] = { tonumber(from), tonumber(to) }
  end
  return found
end

-- From which seq on a window lacks nothing.
local function complete_from(window)
  local last = window.holes[#window.holes]
  return last and last[2] + 1 or window.floor
end

-- What is written is counted as complete only when every shard has come as far as an event that happened after the first
-- write to the generation: a store that was emptied, and is told the log again, holds for a while what has long been
-- deleted, and members who have long been removed.
local function filling_of(token, shard)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local key = filled_key(token)
  redis.call('HSETNX', key, 'begun', text(now))
  -- Its cursor counts from now on, although it has not moved.
  redis.call('HSETNX', cursors_key(token), shard, '0')
  local known = redis.call('HMGET', key, 'begun', 'position')
  return { key = key, now = now, begun = tonumber(known[1]), is_known = known[2] }
end

-- Something that happened at this time; what claims to come from the future says nothing.
local function note_filled(filling, position, time)
  if filling.is_known or not time or time < filling.begun or time > filling.now + 60000 then return end
  redis.call('HSET', filling.key, 'position', position)
  filling.is_known = position
end

-- Marks of a history that the log lost are left behind, under another name.
local function marks_key(name)
  local history = redis.call('HGET', LIVE, 'history')
  return prefix .. (history and ('h:' .. history .. ':') or '') .. name
end

-- Marks of a while: hashes, each for so many ms of the server's clock. They have no time to live, so that Redis does not drop
-- them for want of memory while it keeps the pages that they are about; whoever begins one drops those that are over. Returns
-- those that count, the newest first, the number of the oldest of them, and what names one by its number.
local function buckets_of(span)
  local first = marks_key('marks:')
  local function bucket_key(number) return first .. text(number) end
  local time = redis.call('TIME')
  local now = math.floor((tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)) / span)
  return { bucket_key(now), bucket_key(now - 1), bucket_key(now - 2) }, now - 2, bucket_key
end
