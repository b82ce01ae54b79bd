-- Takes what was said, edited and deleted into the windows of conversations. A change is known by its seq: one that was
-- seen changes nothing, whatever order they come in.
-- ARGV: prefix, kind, token, shard, seen, position, offset, moves the cursor (1), most messages, most bytes, kept for (ms),
--       then conversation, number of changes, and of each: what (m, e, d), message, seq, position, time ('' if unknown),
--       who sent it and so on, what it says ...
local kind, token, shard, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not stands('conversations', kind, token, shard, seen) then return {'switched'} end
local most, bytes_max, kept_ms = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local filling = filling_of(token, shard)
local now = filling.now
local applied = position_of(redis.call('HGET', cursors_key(token), shard))
-- What comes so far out of order that there are more gaps, or changes without a message, than this is not waited for.
local HOLES_MAX, STUBS_MAX = 64, 64
-- For how long a window is kept of which only edits and deletions have come.
local STUBS_MS = 600000

-- said: the seq of what it says now. gone: one more than the seq of its deletion, 0 before. edited: when, -1: never.
-- sent: '' while the message itself has not come. See window.rs.
local HEAD = '>I8I8i8B'

local function pack(entry)
  return struct.pack(HEAD, entry.said, entry.gone, entry.edited, #entry.sent) .. entry.sent .. entry.body
end

local function unpack_entry(value)
  local said, gone, edited, length, from = struct.unpack(HEAD, value)
  return {
    said = said, gone = gone, edited = edited,
    sent = string.sub(value, from, from + length - 1), body = string.sub(value, from + length)
  }
end

local function drop(window, index, said, id, score)
  window.bytes = window.bytes - redis.call('HSTRLEN', said, id) - 16
  redis.call('HDEL', said, id)
  redis.call('ZREM', index, id)
  if score % 1 ~= 0 then window.stubs = window.stubs - 1 end
end

local function put(window, index, said, id, entry, score)
  local value = pack(entry)
  local held = redis.call('HSTRLEN', said, id)
  window.bytes = window.bytes + #value + (held == 0 and 16 or -held)
  redis.call('HSET', said, id, value)
  if score then redis.call('ZADD', index, score, id) end
end

-- Notes that the event of this seq came. False: it is below what is held.
local function see(window, seq)
  if seq < window.floor then return false end
  local holes = window.holes
  if seq > window.head then
    if seq > window.head + 1 then holes[#holes + 1] = { window.head + 1, seq - 1 } end
    window.head = seq
    return true
  end
  for at, hole in ipairs(holes) do
    if hole[1] <= seq and seq <= hole[2] then
      table.remove(holes, at)
      if seq < hole[2] then table.insert(holes, at, { seq + 1, hole[2] }) end
      if hole[1] < seq then table.insert(holes, at, { hole[1], seq - 1 }) end
      break
    end
  end
  return true
end

-- What changes a message that is not held: either it comes yet, or it is below the floor.
local function may_come(window, seq)
  return window.holes[1] and window.holes[1][1] < seq
end

local function stub(window, index, said, id, seq, entry)
  if not may_come(window, seq) then return end
  window.stubs = window.stubs + 1
  put(window, index, said, id, entry, seq - 0.5)
end

local function sent(window, index, said, id, seq, about, body)
  local held = redis.call('HGET', said, id)
  local entry = held and unpack_entry(held) or { said = seq, gone = 0, edited = -1, body = body }
  if entry.sent and entry.sent ~= '' then return end
  entry.sent = about
  if held then window.stubs = window.stubs - 1 end
  put(window, index, said, id, entry, text(seq))
end

local function edited(window, index, said, id, seq, time, body)
  local held = redis.call('HGET', said, id)
  if not held then
    return stub(window, index, said, id, seq, { said = seq, gone = 0, edited = time, sent = '', body = body })
  end
  local entry = unpack_entry(held)
  if seq <= entry.said or (entry.gone > 0 and seq >= entry.gone) then return end
  entry.said, entry.edited = seq, time
  if entry.gone == 0 then entry.body = body end
  put(window, index, said, id, entry)
end

local function deleted(window, index, said, id, seq)
  local held = redis.call('HGET', said, id)
  if not held then
    return stub(window, index, said, id, seq, { said = 0, gone = seq + 1, edited = -1, sent = '', body = '' })
  end
  local entry = unpack_entry(held)
  if entry.gone > 0 then return end
  entry.gone, entry.body = seq + 1, ''
  put(window, index, said, id, entry)
end

-- Nothing below a seq is held any more, nor told of what is there.
local function raise(window, index, said, floor)
  if floor <= window.floor then return end
  window.floor = floor
  local below = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. text(floor), 'WITHSCORES')
  for at = 1, #below, 2 do drop(window, index, said, below[at], tonumber(below[at + 1])) end
  local holes = window.holes
  while holes[1] and holes[1][2] < floor do table.remove(holes, 1) end
  if holes[1] and holes[1][1] < floor then holes[1][1] = floor end
end

local function trim(window, index, said)
  while #window.holes > HOLES_MAX do raise(window, index, said, window.holes[1][2] + 1) end
  if #window.holes == 0 and window.stubs > 0 then
    local all = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
    for at = 1, #all, 2 do
      local score = tonumber(all[at + 1])
      if score % 1 ~= 0 then drop(window, index, said, all[at], score) end
    end
  end
  local count = redis.call('ZCARD', index)
  while count - window.stubs > most or window.stubs > STUBS_MAX or (window.bytes > bytes_max and count > 1) do
    local lowest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
    raise(window, index, said, math.floor(tonumber(lowest[2]) + 1))
    count = redis.call('ZCARD', index)
  end
end

local function save(window, index, said)
  if redis.call('EXISTS', index) == 0 then return redis.call('DEL', said) end
  if window.ends == 0 then window.ends = now + math.min(STUBS_MS, kept_ms) end
  local holes = {}
  for at, hole in ipairs(window.holes) do holes[at] = text(hole[1]) .. '-' .. text(hole[2]) end
  local numbers = {}
  for at, name in ipairs({'floor', 'head', 'bytes', 'ends', 'stubs'}) do numbers[at] = text(window[name]) end
  redis.call('HSET', said, '', table.concat(numbers, ' ') .. '|' .. table.concat(holes, ','))
  redis.call('PEXPIREAT', index, text(window.ends))
  redis.call('PEXPIREAT', said, text(window.ends))
end

local at = 12
while at <= #ARGV do
  local conversation, count = ARGV[at], tonumber(ARGV[at + 1])
  local index, said = window_key(token, conversation), said_key(token, conversation)
  local window = window_of(index, said)
  at = at + 2
  for _ = 1, count do
    local what, id, seq, position = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
    local time = tonumber(ARGV[at + 4])
    note_filled(filling, position, time)
    local ends = time and time + kept_ms or 0
    -- Only what is new begins a window: what comes again may be followed by something that was seen and is not held.
    if not window and tonumber(position) > applied and (not time or ends > now) then
      redis.call('DEL', index, said)
      window = { floor = 0, head = -1, bytes = 0, ends = 0, stubs = 0, holes = {} }
    end
    if window and see(window, seq) then
      if what == 'm' then
        sent(window, index, said, id, seq, ARGV[at + 5], ARGV[at + 6])
      elseif what == 'e' then
        edited(window, index, said, id, seq, time, ARGV[at + 6])
      else
        deleted(window, index, said, id, seq)
      end
      window.ends = math.max(window.ends, ends)
      trim(window, index, said)
    end
    at = at + 7
  end
  if window then save(window, index, said) end
end
if ARGV[8] == '1' then move_cursor(token, shard, ARGV[6], ARGV[7]) end
return {'ok', tonumber(ARGV[8])}
