-- Turns follow edges on and off, each unless it holds a newer version. Returns the edges behind which the author's posts
-- have to be merged into a timeline, and the authors that are on their way back from being celebrities.
-- ARGV: prefix, kind, token, shard, seen, position, offset, moves the cursor (1), most followers, fewest of a celebrity,
--       mark, then 2 * version + on, follower, followee ...
local kind, token, shard, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not stands('graph', kind, token, shard, seen) then return {'switched'} end
local most, fewest, mark = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local posts = generations()
local celebrities = celebrities_key(token)
local merges, back = {}, {}

local function turn(version, follower, followee)
  local following, followers = following_key(token, follower), followers_key(token, followee)
  local held = redis.call('ZSCORE', following, followee)
  held = held and tonumber(held) or 0
  local wanted = tonumber(version)
  local on, was_on = wanted % 2 == 1, held % 2 == 1
  if wanted < held then return end
  if wanted > held then
    redis.call('ZADD', following, version, followee)
    if on and not was_on then
      redis.call('SADD', followers, follower)
    elseif was_on and not on then
      redis.call('SREM', followers, follower)
    end
    local count = redis.call('SCARD', followers)
    local state = redis.call('HGET', celebrities, followee)
    if on and count > most and state ~= 'c' then
      redis.call('HSET', celebrities, followee, 'c')
    elseif not on and count < fewest and state then
      if kind == 'live' then
        redis.call('HSET', celebrities, followee, mark)
        back[#back + 1] = followee
      else
        redis.call('HDEL', celebrities, followee)
      end
    end
  end
  -- Also when the edge was turned before: whoever did that may have stopped right behind it.
  if on and kind == 'live' and posts
    and redis.call('EXISTS', timeline_key(posts, token, follower)) == 1
    and redis.call('HGET', celebrities, followee) ~= 'c' then
    merges[#merges + 1] = follower
    merges[#merges + 1] = followee
  end
end

for at = 12, #ARGV, 3 do turn(ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
local moved = ARGV[8] == '1' and #merges == 0 and #back == 0
if moved then move_cursor(token, shard, ARGV[6], ARGV[7]) end
return {'ok', moved and 1 or 0, merges, back}
