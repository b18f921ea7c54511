"""The cache's atomic steps, as Redis runs them. A user's keys are in one slot (`{user}` is the hash tag).

`lists`    hash: canonical query string -> an encoded list. One DEL drops every list of the user.
`version`  a random token: the lease. It is made by the first miss and destroyed by every write.
`writers`  sorted set: writers at work, scored by when each is given up for dead (ms, Redis' clock).
"""

# KEYS version writers; ARGV token, milliseconds. -> the current token, or nil while a writer is at work.
LEASE = """
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now[1] * 1000 + math.floor(now[2] / 1000))
if redis.call('ZCARD', KEYS[2]) > 0 then
  return false
end
local version = redis.call('GET', KEYS[1])
if not version then
  version = ARGV[1]
  redis.call('SET', KEYS[1], version, 'PX', ARGV[2])
end
return version
"""

# KEYS lists version; ARGV lease, field, entry, milliseconds. -> 1 if stored, 0 if a write came in between.
# The oldest entry says when all of the hash expires (NX, Redis 7): a later one must not give it more time.
# A mark destroys the version, and no new one is made while it stands: equality says it all.
FILL = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4], 'NX')
return 1
"""

# KEYS lists version writers; ARGV writer, milliseconds after which it is given up for dead.
MARK = """
redis.call('DEL', KEYS[1], KEYS[2])
local now = redis.call('TIME')
redis.call('ZADD', KEYS[3], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
"""

# KEYS lists version writers; ARGV writer.
CLEAR = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
"""
