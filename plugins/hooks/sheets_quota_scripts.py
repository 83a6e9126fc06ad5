"""Redis' side of the quota: the machine of drivetrain.quota.ledger as Lua scripts, each of which is atomic.

A log is a sorted set: an entry's name and its moment in microseconds. Whole numbers up to 2**53 are exact in Lua and in
sorted sets, which is enough until the year 2255. A project's keys have one hash tag: they stay together in a cluster.

The time is Redis' own (https://valkey.io/commands/time/), unless a caller brings another one, as tests do.

For people to look at, calls that were let through and refusals are counted besides, by ten seconds: see
drivetrain.quota.usage. Nothing is decided by it.
"""

from __future__ import annotations

from drivetrain.quota.ledger import TOGETHER
from drivetrain.quota.slowdown import LEAST, LONGEST_PAUSE, PAUSES, RECOVERY, WHOLE
from drivetrain.quota.usage import HISTORY_SECONDS, MADE, REFUSED, SLOT_SECONDS

_NUMBERS = f"""
local WHOLE, LEAST, RECOVERY = {WHOLE}, {LEAST}, {RECOVERY}
local PAUSES, LONGEST_PAUSE, TOGETHER = {PAUSES}, {LONGEST_PAUSE}, {TOGETHER}
local SLOT, SEEN_FOR = {SLOT_SECONDS * 1_000_000}, {(HISTORY_SECONDS + 300) * 1_000}
local MADE, REFUSED = '{MADE}:', '{REFUSED}:'
"""
_COMMON = (
    _NUMBERS
    + """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local expiry = ARGV[2]

local function text(number) return string.format('%.0f', number) end

local function project_of(key) return string.match(key, '^.*}:') end

local function seen(project, what, count)
  local slot = project .. 'seen:' .. text(math.floor(now / SLOT))
  if redis.call('HINCRBY', slot, what, count) == tonumber(count) then redis.call('PEXPIRE', slot, SEEN_FOR) end
end

local function brake_of(closed, share, since, window)
  closed, share, since = tonumber(closed or 0), tonumber(share or WHOLE), tonumber(since or 0)
  share = math.min(share + math.floor(math.max(now - since, 0) * RECOVERY / window), WHOLE)
  return closed, share, since
end
"""
)

# KEYS: brakes (a hash), then the ticket's logs.
# ARGV: now (-1: Redis' own), expiry in ms, window, grace, keep, patience, id, mark, "1" if it asks again, "1" if it may
# push others aside; then name, limit and count of each log.
# Gives {wait, 1 if it is booked}.
ASK = (
    _COMMON
    + """
local window, grace, keep, patience = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local id, mark, again, pushes = ARGV[7], ARGV[8], ARGV[9] == '1', ARGV[10] == '1'
local kept = mark == 'k'

local fields, logs = {}, {}
for i = 2, #KEYS do
  local at = 11 + (i - 2) * 3
  local name, count = ARGV[at], tonumber(ARGV[at + 2])
  local most = kept and 2 * count or count
  logs[#logs + 1] = {key = KEYS[i], name = name, limit = tonumber(ARGV[at + 1]), count = count, most = most}
  for _, field in ipairs({':closed', ':share', ':since'}) do fields[#fields + 1] = name .. field end
end

local opens, brakes = 0, redis.call('HMGET', KEYS[1], unpack(fields))
for i, log in ipairs(logs) do
  local closed, share = brake_of(brakes[3 * i - 2], brakes[3 * i - 1], brakes[3 * i], window)
  opens = math.max(opens, closed)
  log.limit = math.max(math.floor(log.limit * share / WHOLE), 1, log.most)
end

local function let_through()
  if kept then return end  -- each of them counts once it is spent
  for _, log in ipairs(logs) do seen(project_of(KEYS[1]), MADE .. log.name, log.count) end
end

local function each_entry(act)
  for _, log in ipairs(logs) do
    for j = 0, log.count - 1 do act(log, id .. ':' .. j) end
  end
end

if again then
  local booked, whole = nil, true
  each_entry(function(log, name)
    local moment = tonumber(redis.call('ZSCORE', log.key, mark .. name) or -1)
    whole = whole and moment >= 0 and (booked == nil or booked == moment)
    booked = moment
  end)
  if whole and opens <= math.max(booked, now) and now <= booked + math.floor(grace / 2) then
    if booked <= now then let_through() end
    return {math.max(booked - now, 0), 1}
  end
  each_entry(function(log, name) redis.call('ZREM', log.key, mark .. name, 'e' .. name) end)
end

local tight = false
for _, log in ipairs(logs) do
  redis.call('ZREMRANGEBYSCORE', log.key, '-inf', text(now - window))
  tight = tight or redis.call('ZCARD', log.key) + log.most > log.limit
end

local function read(log)
  local rows = redis.call('ZRANGE', log.key, 0, -1, 'WITHSCORES')
  log.times, log.others, log.low = {}, {}, {}
  for i = 1, #rows, 2 do
    local name, moment = rows[i], tonumber(rows[i + 1])
    local letter = string.sub(name, 1, 1)
    if (letter == 'k' and moment + keep < now) or (letter == 'e' and moment < now) then
      redis.call('ZREM', log.key, name)
    else
      log.times[#log.times + 1] = moment
      if letter == 'l' and moment > now then
        log.low[#log.low + 1] = name
      else
        log.others[#log.others + 1] = moment
      end
    end
  end
end

local function blocked_until(times, start, stop, group)
  for i = #times - group + 1, 1, -1 do
    local first, last = times[i], times[i + group - 1]
    if first + window <= stop then break end
    if last < first + window and last < start + window then return first + window end
  end
  return stop
end

local function earliest(which, at)
  local moment, before = at, nil
  while moment ~= before do
    before = moment
    for _, log in ipairs(logs) do
      local spans = {{0, 0, log.count}}
      if kept then spans = {{0, 0, log.count}, {keep, keep, log.count}, {0, keep, 2 * log.count}} end
      for _, span in ipairs(spans) do
        local until_ = blocked_until(log[which], moment + span[1], moment + span[2], log.limit - span[3] + 1)
        moment = math.max(moment, until_ - span[2])
      end
    end
  end
  return moment
end

local start = math.max(opens, now)
local moment = start
if tight then
  for _, log in ipairs(logs) do read(log) end
  moment = earliest('times', start)
  if moment > now and pushes then
    local sooner = earliest('others', start)
    if sooner < moment then
      moment = sooner
      for _, log in ipairs(logs) do
        if #log.low > 0 then redis.call('ZREM', log.key, unpack(log.low)) end
      end
    end
  end
end
if moment - now > patience then return {moment - now, 0} end

each_entry(function(log, name)
  redis.call('ZADD', log.key, text(moment), mark .. name)
  if kept then redis.call('ZADD', log.key, text(moment + keep), 'e' .. name) end
end)
for _, log in ipairs(logs) do redis.call('PEXPIRE', log.key, expiry) end
if moment <= now then let_through() end
return {moment - now, 1}
"""
)

# KEYS: logs. ARGV: now, expiry, keep, "id:index". Gives 1, or 0 if the call is no longer kept.
SPEND = (
    _COMMON
    + """
local keep, name, ok = tonumber(ARGV[3]), ARGV[4], 1
for _, key in ipairs(KEYS) do
  local begun = redis.call('ZSCORE', key, 'k' .. name)
  redis.call('ZREM', key, 'k' .. name, 'e' .. name)
  if not begun or tonumber(begun) + keep < now then
    ok = 0
  else
    redis.call('ZADD', key, text(now), 'c' .. name)
    redis.call('PEXPIRE', key, expiry)
    seen(project_of(key), MADE .. string.sub(key, #project_of(key) + 1), 1)
  end
end
return ok
"""
)

# KEYS: brakes. ARGV: now, expiry, window, microseconds of Retry-After (-1: none), account, its log, the project's log.
REFUSED = (
    _COMMON
    + """
local window, asked, account = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]

local function slow_down(name)
  local fields = {name .. ':closed', name .. ':share', name .. ':since'}
  local found = redis.call('HMGET', KEYS[1], unpack(fields))
  local closed, share = brake_of(found[1], found[2], found[3], window)
  local pause = math.min(asked, LONGEST_PAUSE)
  if now < closed then
    redis.call('HSET', KEYS[1], fields[1], text(math.max(closed, now + math.max(pause, 0))))
    return
  end
  if asked < 0 then pause = math.min(math.floor(math.floor(window / PAUSES) * WHOLE / share), window) end
  local opens, less = text(now + pause), text(math.max(math.floor(share / 2), LEAST))
  redis.call('HSET', KEYS[1], fields[1], opens, fields[2], less, fields[3], opens)
end

seen(project_of(KEYS[1]), REFUSED .. ARGV[6], 1)
seen(project_of(KEYS[1]), REFUSED .. ARGV[7], 1)
local before = redis.call('HMGET', KEYS[1], ARGV[7] .. ':who', ARGV[7] .. ':when')
slow_down(ARGV[6])
if before[1] and before[1] ~= account and now - tonumber(before[2]) <= math.floor(window / TOGETHER) then
  slow_down(ARGV[7])
end
redis.call('HSET', KEYS[1], ARGV[7] .. ':who', account, ARGV[7] .. ':when', text(now))
redis.call('PEXPIRE', KEYS[1], expiry)
return 1
"""
)

# KEYS: a log. ARGV: now, expiry; then name of each entry and how many microseconds ago it was.
RECALL = (
    _COMMON
    + """
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', text(now - tonumber(ARGV[i + 1])), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], expiry)
return 1
"""
)
