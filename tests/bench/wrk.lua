-- What wrk asks, and what it counts. From the environment, where no list of processes shows them:
--   LOAD_FILE   a line for each user: token and, if it is to be sent, an entity tag
--   LOAD_ORDER  "one": the first of them alone; "each": one after the other; "zipf": some much more often than others
--   LOAD_BODY   a body to POST; without it the list is asked for
--   LOAD_EVERY  every how many requests it is posted (1: always); the list is asked for in between
local users, order = {}, os.getenv("LOAD_ORDER")
local body, every = os.getenv("LOAD_BODY"), tonumber(os.getenv("LOAD_EVERY") or "1")
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

local lists, posts = {}, {}

function setup(thread)
  table.insert(threads, thread)
end

function request()
  local n = 1
  turn = turn + 1
  if order == "each" then
    n = (turn - 1) % #users + 1
  elseif order == "zipf" then
    n = somebody()
  end
  if body and turn % every == 0 then
    if not posts[n] then posts[n] = wrk.format("POST", wrk.path, users[n], body) end
    return posts[n]
  end
  if not lists[n] then lists[n] = wrk.format("GET", wrk.path, users[n]) end
  return lists[n]
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
