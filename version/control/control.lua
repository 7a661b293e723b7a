-- Keeps what all gateways are told in one hash: reads it, or sets one field and announces that, in one atomic step.
-- KEYS[1]  the hash, which is a channel too: nudge:control
-- ARGV[1]  the field, "flag" or "revoke:<id>"; absent: nothing is set
-- ARGV[2]  its entry, but for the beginning that is made here: "enabled":false}
-- ARGV[3]  the sequence number, and
-- ARGV[4]  the time, of an entry that was lost and is written back; absent: a new one is given. "replaced": ARGV[3] is the
--          sequence number of the entry that this one takes the place of
-- Returns the sequence number and the time of the entry that was stored, or false: a later one is there, or another than the
-- one to be replaced, or there are too many. Without a field: of each field of these two kinds the field, its sequence number, its time, and the rest of its
-- entry, in turn; 0, 0 and nothing if it is none.
-- An entry begins {"seq":N,"time_ms":N, and a revocation's goes on "until_ms":N, as made here and by version/control/entry.go.
-- What begins otherwise counts as absent, and so does a key of another type. This is the only place that decides so.
local most, longest, highest = 10000, 800, 9007199254740991
local clock = redis.call('TIME')
local now, ahead = clock[1] * 1000 + math.floor(clock[2] / 1000), 86400000

-- The sequence number of an entry, until when it counts, its time, and its rest; nil: it is none.
local function parse(field, entry)
  if not entry or #entry > longest then return nil end
  local seq, time, rest = string.match(entry, '^{"seq":([1-9]%d*),"time_ms":([1-9]%d*),(.*)$')
  if not seq or #seq > 16 or tonumber(seq) > highest or tonumber(time) >= 253402300800000 then return nil end
  if tonumber(time) > now + ahead or tonumber(seq) > tonumber(time) + ahead then return nil end -- nobody could follow it
  local ends = math.huge
  if string.sub(field, 1, 7) == 'revoke:' then
    ends = tonumber(string.match(rest, '^"until_ms":([1-9]%d*),'))
    if not ends then return nil end
  end
  return tonumber(seq), ends, time, rest
end

local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'hash' and redis.call('HLEN', KEYS[1]) > 2 * most then -- to read it would hold up everybody
  return redis.error_reply('ERR ' .. KEYS[1] .. ' holds more than ' .. 2 * most .. ' fields, which no gateway put there; DEL it')
end
local field, entry, seq, time = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if not field then
  local found = {}
  local all = kind == 'hash' and redis.call('HGETALL', KEYS[1]) or {}
  local left = most
  for i = 1, #all, 2 do
    local revocation = string.sub(all[i], 1, 7) == 'revoke:'
    if revocation then left = left - 1 end
    if all[i] == 'flag' or revocation and left >= 0 then
      local n, _, at, rest = parse(all[i], all[i + 1])
      found[#found + 1] = string.sub(all[i], 1, 64)
      found[#found + 1] = string.format('%.0f', n or 0)
      found[#found + 1] = at or '0'
      found[#found + 1] = rest or '' -- what is too long is noticed, but not brought to everybody
    end
  end
  return found
end

if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local held = parse(field, redis.call('HGET', KEYS[1], field))
if time == 'replaced' then
  if held ~= tonumber(seq) then return false end
  seq = nil
end
if seq then
  if held and held >= tonumber(seq) then return false end
else
  -- Above all that is here, and above all that was here if it was lost: the time has gone on since.
  local last = now - 1
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local n, ends = parse(all[i], all[i + 1])
    if n then last = math.max(last, n) end
    if string.sub(all[i], 1, 7) == 'revoke:' and (not n or ends <= now) then redis.call('HDEL', KEYS[1], all[i]) end
  end
  seq, time = string.format('%.0f', last + 1), string.format('%.0f', now)
end
if field ~= 'flag' and not held and redis.call('HLEN', KEYS[1]) >= most then return false end
entry = '{"seq":' .. seq .. ',"time_ms":' .. time .. ',' .. entry
redis.call('HSET', KEYS[1], field, entry)
redis.call('PUBLISH', KEYS[1], entry)
return { seq, time }
