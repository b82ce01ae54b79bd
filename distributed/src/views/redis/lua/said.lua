-- Messages of a conversation's window, for a member: id, seq, what it is ... and the seq from which on the window lacks
-- nothing, and how far the generation is. `none`: it cannot be said here. `stranger`: the viewer is not a member.
-- ARGV: prefix, viewer, conversation, after or before, seq (before: '+inf' for the newest), messages wanted
local viewer, conversation, way, most = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[6])
local token = redis.call('HGET', LIVE, 'conversations')
if not token then return {'none'} end
local filled = redis.call('HGET', filled_key(token), 'position')
if not filled then return {'none'} end
local applied = INF
for _, cursor in ipairs(redis.call('HVALS', cursors_key(token))) do applied = math.min(applied, position_of(cursor)) end
if applied < tonumber(filled) then return {'none'} end
local members = members_key(token, conversation)
local member = redis.call('ZSCORE', members, viewer)
if not member and redis.call('EXISTS', members) == 0 then return {'none'} end
if not member or tonumber(member) % 2 == 0 then return {'stranger', text(applied)} end
local index, said = window_key(token, conversation), said_key(token, conversation)
local window = window_of(index, said)
if not window then return {'none'} end
local floor = complete_from(window)
local found
if way == 'after' then
  local from = tonumber(ARGV[5]) + 1
  if from < floor then return {'none'} end
  found = redis.call('ZRANGEBYSCORE', index, text(from), '+inf', 'WITHSCORES', 'LIMIT', 0, most + window.stubs)
else
  local from = ARGV[5] == '+inf' and ARGV[5] or ('(' .. ARGV[5])
  found = redis.call('ZREVRANGEBYSCORE', index, from, text(floor), 'WITHSCORES', 'LIMIT', 0, most + window.stubs)
end
local ids, seqs = {}, {}
for at = 1, #found, 2 do
  if tonumber(found[at + 1]) % 1 == 0 and #ids < most then
    ids[#ids + 1] = found[at]
    seqs[#seqs + 1] = found[at + 1]
  end
end
if way == 'before' and #ids < most and floor > 0 then return {'none'} end
if #ids == 0 then return {'ok', text(applied), text(floor), {}, {}, {}} end
local values = redis.call('HMGET', said, unpack(ids))
for at = 1, #ids do
  if not values[at] then return {'none'} end
end
return {'ok', text(applied), text(floor), ids, seqs, values}
