-- What wrk sends. Arguments after "--" are name=value:
--   method, body, authorization   of every request
--   tokens   a file, one token a line: each request carries the next one as Bearer
--   once     1: each token may be sent once: the thread stops before they run out; a second time is counted as `reused`
--   calls    a file, one request a line: method, path, Authorization and body, with tabs between; `once` holds for these, too
--   expect   statuses that are no error, separated by commas; without it those below 400
--   record   a file that gets the body of every answer
reused = 0
unexpected = 0

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

local function headers_with(authorization, body)
    return {["Host"] = wrk.headers["Host"], ["User-Agent"] = wrk.headers["User-Agent"], ["Accept"] = wrk.headers["Accept"],
            ["Authorization"] = authorization, ["Content-Type"] = body and "application/x-www-form-urlencoded" or nil}
end

local function tokens_read(path)
    local calls = {}
    for token in io.lines(path) do
        calls[#calls + 1] = wrk.format(nil, nil, headers_with("Bearer " .. token))
    end
    return calls
end

local function calls_read(path)
    local calls = {}
    for line in io.lines(path) do
        local method, target, authorization, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")
        body = body ~= "" and body or nil
        calls[#calls + 1] = wrk.format(method, target, headers_with(authorization ~= "" and authorization or nil, body), body)
    end
    return calls
end

local function calls_send(calls, once)
    local at, round = 0, 0
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

local function answers_take(options)
    local out = options.record and assert(io.open(options.record, "w"))
    local expected = {}
    for status in (options.expect or ""):gmatch("%d+") do
        expected[tonumber(status)] = true
    end
    if options.expect then
        unexpected = 0
        response = function(status)
            if not expected[status] then
                unexpected = unexpected + 1
            end
        end
    elseif out then
        response = function(_, _, body)
            out:write(body, "\n")
        end
    end
    judged = options.expect and 1 or 0
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
        calls_send(tokens_read(options.tokens), options.once == "1")
    elseif options.calls then
        calls_send(calls_read(options.calls), options.once == "1")
    end
    answers_take(options)
end

function done(summary, latency)
    local again, wrong, judging = 0, 0, false
    for _, thread in ipairs(threads) do
        again = again + thread:get("reused")
        wrong = wrong + thread:get("unexpected")
        judging = judging or thread:get("judged") == 1
    end
    local e = summary.errors
    print(string.format('RESULT {"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,' ..
                        '"reused":%d,"p50":%d,"p99":%d}',
                        summary.requests, summary.duration, e.connect, e.read, e.write, judging and wrong or e.status, e.timeout, again,
                        latency:percentile(50), latency:percentile(99)))
end
