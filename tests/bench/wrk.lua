-- What wrk asks, and what it counts. From the environment, where no list of processes shows them:
--   LOAD_FILE   a line for each user: token and, if it is to be sent, an entity tag
--   LOAD_ORDER  "one": the first of them alone; "each": one after the other; "zipf": some much more often than others
--   LOAD_BODY   a body to POST; without it the list is asked for
local users, order = {}, os.getenv("LOAD_ORDER")
local method, body = "GET", os.getenv("LOAD_BODY")
hits, misses, others = 0, 0, 0
local threads, turn = {}, 0

for line in io.lines(os.getenv("LOAD_FILE")) do
  local token, tag = line:match("^(%S+)%s*(%S*)$")
  local headers = { ["Authorization"] = "Bearer " .. token }
  if tag ~= "" then headers["If-None-Match"] = tag end
  if body then headers["Content-Type"] = "application/json" end
  table.insert(users, headers)
  if order == "one" then break end
end
if body then method = "POST" end

-- The n-th user is asked for in proportion to 1 / n: the sums of these, to be searched.
local sums, sum = {}, 0
for n = 1, #users do
  sum = sum + 1 / n
  sums[n] = sum
end
math.randomseed(1)

local function somebody()
  local wanted, low, high = math.random() * sum, 1, #users
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sums[middle] < wanted then low = middle + 1 else high = middle end
  end
  return low
end

local requests = {}

function setup(thread)
  table.insert(threads, thread)
end

function request()
  local n = 1
  if order == "each" then
    n = turn % #users + 1
    turn = turn + 1
  elseif order == "zipf" then
    n = somebody()
  end
  if not requests[n] then requests[n] = wrk.format(method, wrk.path, users[n], body) end
  return requests[n]
end

function response(status, headers)
  local outcome = headers["X-Cache"] or headers["x-cache"]
  if status == 201 or (outcome == "HIT" and (status == 200 or status == 304)) then
    hits = hits + 1
  elseif outcome == "MISS" and status == 200 then
    misses = misses + 1
  else
    others = others + 1
  end
end

function done(summary, latency)
  local counted = { hits = 0, misses = 0, others = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(counted) do counted[name] = counted[name] + thread:get(name) end
  end
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "hits": %d, "misses": %d, "others": %d, "errors": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f}',
    summary.requests, counted.hits, counted.misses, counted.others,
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
