-- Stores a project's version if it is newer, and announces it, in one atomic step.
-- KEYS[1]  the project's key, which is its channel too: nudge:{42}
-- ARGV[1]  the version, a bare integer from 0 to 2^53-1
-- ARGV[2]  the message to publish: the same integer, or the JSON object with more to say
-- ARGV[3]  "1": a reset, stored whatever the key holds
-- ARGV[4]  seconds until the key expires; "0" or absent: never
-- Returns 1 if it was stored and announced, 0 if the key holds the same or a newer version.
-- What is in the key and is no version (another type included) counts as no key.
local held
if redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('STRLEN', KEYS[1]) <= 16 then
  local text = redis.call('GET', KEYS[1])
  if text == '0' or string.match(text, '^[1-9]%d*$') then
    held = tonumber(text)
    if held > 9007199254740991 then held = nil end
  end
end
if held and ARGV[3] ~= '1' and tonumber(ARGV[1]) <= held then
  return 0
end
if ARGV[4] and ARGV[4] ~= '0' then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[2])
return 1
