-- Which of these users someone follows: 1 or 0 for each. Nothing live: none.
-- ARGV: prefix, viewer, users ...
local _, graph = generations()
local found = {}
if not graph then return {'none'} end
for at = 3, #ARGV do
  local held = redis.call('ZSCORE', following_key(graph, ARGV[2]), ARGV[at])
  found[#found + 1] = held and tonumber(held) % 2 == 1 and 1 or 0
end
return {'ok', found}
