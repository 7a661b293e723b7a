-- Stores a project's version if it is newer, and announces it, in one atomic step.
-- KEYS[1]  the project's key, which is its channel too: nudge:{42}
-- ARGV[1]  the version, a bare integer from 0 to 2^53-1
-- ARGV[2]  the message to publish: the same integer, or the JSON object with more to say
-- ARGV[3]  "1": a reset, stored whatever the key holds
-- ARGV[4]  seconds until the key expires; "0" or absent: never
-- Returns 1 if it was stored and announced, 0 if the key holds the same or a newer version; an error, and stores nothing,
-- if what it is given is no version or no message, or if nobody can hear of the project.
-- What is in the key and is no version (another type included) counts as no key.
local function version(text)
  if text and #text <= 16 and (text == '0' or string.match(text, '^[1-9]%d*$')) then
    local number = tonumber(text)
    if number <= 9007199254740991 then return number end
  end
end
local id = string.match(KEYS[1], ':{([A-Za-z0-9._~:-]+)}$')
if (not id or #id > 128) and not string.find(KEYS[1], ':probe:', 1, true) then -- gateways publish their probes with it
  return redis.error_reply('ERR nudge: KEYS[1] is no key of a project, such as nudge:{42}; its id has 1 to 128 of A-Z a-z 0-9 . _ ~ : -; nothing was stored')
end
local new = version(ARGV[1])
if not new then
  return redis.error_reply('ERR nudge: ARGV[1], the version, is no bare integer from 0 to 2^53-1; nothing was stored')
end
if not ARGV[2] or ARGV[2] == '' then
  return redis.error_reply('ERR nudge: ARGV[2], the message, is missing; pass the version again; nothing was stored')
end
local held
if redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('STRLEN', KEYS[1]) <= 16 then
  held = version(redis.call('GET', KEYS[1]))
end
if held and ARGV[3] ~= '1' and new <= held then
  return 0
end
if ARGV[4] and ARGV[4] ~= '0' then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[2])
return 1
