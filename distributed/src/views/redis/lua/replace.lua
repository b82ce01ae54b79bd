-- Gives up every generation, with the marks, when one was found to be of another history than the log: once, whoever finds it
-- first. What the others hold may be of that history too, and marks are made by several.
-- ARGV: prefix, projection, token of that one, what the marks from now on are named by
if redis.call('HGET', LIVE, ARGV[2]) ~= ARGV[3] then return {'done'} end
give_up_all(ARGV[4])
return {'ok'}
