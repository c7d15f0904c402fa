-- One exchange between a process and all others: it tells what became of its circuits, and hears of all circuits.
--
-- KEYS[1]  a hash: circuit -> JSON of
--            n w b   the rule: failures, window, how long it stays open
--            f       process -> when it saw failures       a  until when the provider asked for quiet
--            o u     when it opened, and until when (0: it is closed; past: it is half-open)
--            c z     when a success last cleared it, and when one last closed it
--            h l     which process may probe, and until when
-- ARGV[1]  the process that asks
-- ARGV[2]  a JSON list of its reports (exchanging.py says what is in them)
-- ARGV[3]  how long a process may keep a permission to probe that it doesn't use
--
-- All is in milliseconds. Moments are this server's; processes tell and hear ages and remaining times only, so
-- that their clocks needn't agree.

local MOST_CIRCUITS, FORGOTTEN_AFTER, UNUSED_AFTER = 1000, 3600000, 86400000

local circuits, me, permit = KEYS[1], ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function later(moments, begin)
  local kept = {}
  for _, moment in ipairs(moments) do
    if moment > begin then kept[#kept + 1] = moment end
  end
  return kept
end

-- Drops failures that no longer count, and counts the others: all, and those of other processes.
local function count(circuit)
  local all, others = 0, 0
  for process, moments in pairs(circuit.f) do
    local kept = later(moments, now - circuit.w)
    circuit.f[process] = #kept > 0 and kept or nil
    all = all + #kept
    if process ~= me then others = others + #kept end
  end
  return all, others
end

local function clear(circuit, moment, closes)
  circuit.c = math.max(circuit.c, moment)
  for process, moments in pairs(circuit.f) do
    circuit.f[process] = later(moments, moment)
  end
  if closes or (circuit.u > 0 and circuit.u <= moment) then circuit.z = math.max(circuit.z, moment) end
  if circuit.o <= circuit.z then circuit.o, circuit.u, circuit.a, circuit.l = 0, 0, 0, 0 end
end

-- Takes over that the process has opened the circuit, unless a success has closed it after that.
local function open(circuit, since, ends)
  if since <= circuit.z or ends <= circuit.u then return end
  -- Opened again, and not the same span told twice: whoever was to probe has done so.
  if since > (circuit.o + circuit.u) / 2 then circuit.l = 0 end
  circuit.o, circuit.u = math.max(circuit.o, since), ends
end

local function allot(circuit, report)
  local free = circuit.l <= now
  if report.p > 0 then
    if circuit.u > 0 and (free or circuit.h == me) then circuit.h, circuit.l = me, now + report.p end
  elseif report.x then
    if (free or circuit.h == me) and circuit.u > 0 and circuit.u <= now then circuit.h, circuit.l = me, now + permit end
  elseif circuit.h == me then
    circuit.l = 0
  end
end

local function merge(circuit, report)
  if report.c then clear(circuit, now - report.c, report.z) end
  if not report.n then return end
  circuit.n, circuit.w, circuit.b = report.n, report.w, report.b
  local mine = {}
  for _, age in ipairs(report.f) do mine[#mine + 1] = now - age end
  circuit.f[me] = later(mine, circuit.c)
  circuit.a = math.max(circuit.a, now + report.a)
  if report.o then open(circuit, now - report.o[1], now + report.o[2]) end
  if circuit.u == 0 and count(circuit) >= circuit.n then
    circuit.o, circuit.u = now, math.max(now + circuit.b, circuit.a)
  elseif circuit.u > now then
    circuit.u = math.max(circuit.u, circuit.a)
  end
  allot(circuit, report)
end

local all, known = {}, 0
local stored = redis.call('HGETALL', circuits)
for i = 1, #stored, 2 do
  all[stored[i]] = cjson.decode(stored[i + 1])
  known = known + 1
end

local touched = {}
for _, report in ipairs(cjson.decode(ARGV[2])) do
  if not all[report.k] and (#report.f > 0 or report.o) and known < MOST_CIRCUITS then
    all[report.k] = {f = {}, a = 0, o = 0, u = 0, c = 0, z = 0, h = '', l = 0}
    known = known + 1
  end
  if all[report.k] then
    merge(all[report.k], report)
    touched[report.k] = true
  end
end

local told = {}
for name, circuit in pairs(all) do
  local failures, others = count(circuit)
  local open_or_half = circuit.u > 0 and now < circuit.u + FORGOTTEN_AFTER
  if failures == 0 and not open_or_half and now > circuit.c + circuit.w then
    redis.call('HDEL', circuits, name)
  else
    if touched[name] then redis.call('HSET', circuits, name, cjson.encode(circuit)) end
    told[#told + 1] = {
      name, circuit.n, circuit.w, circuit.b, others, now - circuit.c, now - circuit.z,
      circuit.u > 0 and now - circuit.o or -1, circuit.u - now,
      math.max(circuit.l - now, 0), circuit.h == me,
    }
  end
end
if next(touched) then redis.call('PEXPIRE', circuits, UNUSED_AFTER) end
return cjson.encode(told)
