-- Says who is a member of a conversation, each unless something newer is known.
-- ARGV: prefix, kind, token, shard, seen, position, offset, moves the cursor (1),
--       then conversation, user, 2 * version + member, position, time ...
local kind, token, shard, seen = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not stands('conversations', kind, token, shard, seen) then return {'switched'} end
local filling = filling_of(token, shard)
for at = 9, #ARGV, 5 do
  local members = members_key(token, ARGV[at])
  local held = redis.call('ZSCORE', members, ARGV[at + 1])
  if not held or tonumber(ARGV[at + 2]) > tonumber(held) then redis.call('ZADD', members, ARGV[at + 2], ARGV[at + 1]) end
  note_filled(filling, ARGV[at + 3], tonumber(ARGV[at + 4]))
end
if ARGV[8] == '1' then move_cursor(token, shard, ARGV[6], ARGV[7]) end
return {'ok', tonumber(ARGV[8])}
