-- Counts one request in every window, or in none of them.
-- KEYS: one list for each limit, the moment of its latest request first. Moments are microseconds of this server.
-- ARGV: for each of them, how many requests it takes and how many seconds its window lasts.
-- Returns 0 if the request is counted, else the microseconds until every window has room.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait = 0

for i, key in ipairs(KEYS) do
    local most, length = tonumber(ARGV[2 * i - 1]), ARGV[2 * i] * 1000000
    local latest = redis.call('LINDEX', key, 0)
    if latest and tonumber(latest) > now then
        redis.call('DEL', key) -- the clock was set back: what is in the future would never leave the window
    elseif redis.call('LLEN', key) >= most then
        local left = redis.call('LINDEX', key, -1) + length - now
        if left >= wait then
            wait = left + 1
        end
    end
end
if wait > 0 then
    return wait
end

for i, key in ipairs(KEYS) do
    if redis.call('LLEN', key) >= tonumber(ARGV[2 * i - 1]) then
        redis.call('RPOP', key)
    end
    redis.call('LPUSH', key, string.format('%.0f', now))
    redis.call('PEXPIRE', key, ARGV[2 * i] * 1000)
end
return 0
