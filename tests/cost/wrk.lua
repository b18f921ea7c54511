-- wrk sends it with the token from the environment, where no list of processes shows it, and prints one line of JSON.
wrk.headers["Authorization"] = "Bearer " .. os.getenv("COST_TOKEN")
hits = 0
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function response(status, headers)
  if status == 200 and (headers["X-Cache"] or headers["x-cache"]) == "HIT" then
    hits = hits + 1
  end
end

function done(summary, latency)
  local all = 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("hits")
  end
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "hits": %d, "errors": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f}',
    summary.requests, all, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
