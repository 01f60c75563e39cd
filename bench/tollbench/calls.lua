-- What wrk sends. Arguments after "--" are name=value:
--   method, body, authorization   of every request
--   tokens   a file, one token a line: each request carries the next one as Bearer
--   once     1: each token may be sent once: the thread stops before they run out; a second time is counted as `reused`
--   record   a file that gets the body of every answer
reused = 0

local SPARE = 64 -- more than there are connections: each may still ask for one after the stop
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

local function options_read(args)
    local options = {}
    for _, argument in ipairs(args) do
        local name, value = argument:match("^(%w+)=(.*)$")
        options[name] = value
    end
    return options
end

local function tokens_send(path, once)
    local calls, at, round = {}, 0, 0
    for token in io.lines(path) do
        calls[#calls + 1] = wrk.format(nil, nil, {["Host"] = wrk.headers["Host"], ["User-Agent"] = wrk.headers["User-Agent"],
                                                  ["Accept"] = wrk.headers["Accept"], ["Authorization"] = "Bearer " .. token})
    end
    request = function()
        at = at + 1
        if at > #calls then
            at, round = 1, round + 1
        end
        if once and round > 0 then
            reused = reused + 1
        elseif once and at == #calls - SPARE then
            wrk.thread:stop()
        end
        return calls[at]
    end
end

function init(args)
    local options = options_read(args)
    wrk.method = options.method or "GET"
    wrk.body = options.body
    wrk.headers["User-Agent"] = "wrk"
    wrk.headers["Accept"] = "*/*"
    if options.body then
        wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
    end
    if options.authorization then
        wrk.headers["Authorization"] = options.authorization
    end
    if options.tokens then
        tokens_send(options.tokens, options.once == "1")
    end
    if options.record then
        local out = assert(io.open(options.record, "w"))
        response = function(_, _, body)
            out:write(body, "\n")
        end
    end
end

function done(summary, latency)
    local again = 0
    for _, thread in ipairs(threads) do
        again = again + thread:get("reused")
    end
    local e = summary.errors
    print(string.format('RESULT {"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,' ..
                        '"reused":%d,"p50":%d,"p99":%d}',
                        summary.requests, summary.duration, e.connect, e.read, e.write, e.status, e.timeout, again,
                        latency:percentile(50), latency:percentile(99)))
end
