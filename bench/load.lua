-- What wrk sends: GET requests with the next of the cookies in a file, one a line, or with no cookie where the file is empty.
local requests = {}
local at = 0

function init(args)
  for cookie in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { ["Host"] = wrk.headers["Host"], ["Cookie"] = cookie })
  end
  if #requests == 0 then requests[1] = wrk.format("GET") end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- Times are microseconds. A status counts as an error from 400 on.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nJSON{"requests":%d,"p50":%d,"p99":%d,"failed":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
