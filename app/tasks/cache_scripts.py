"""The cache's atomic steps, as Redis runs them. A user's keys are in one slot (`{user}` is the hash tag).

`lists`    hash: "run query" -> an encoded list. One DEL drops every list of the user, of whatever run.
`version`  a random token: the lease. It is made by the first miss and destroyed by every write.
`writers`  sorted set: writers at work, scored by when each is given up for dead (ms, Redis' clock).
"""

from app.tasks.cache_connection import Script

# KEYS lists version writers; ARGV token, milliseconds. -> the current token, or nil while a writer works.
# Lists whose version Redis has evicted must not get the life of a new one.
LEASE = Script("""
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now[1] * 1000 + math.floor(now[2] / 1000))
if redis.call('ZCARD', KEYS[3]) > 0 then
  return false
end
local version = redis.call('GET', KEYS[2])
if not version then
  version = ARGV[1]
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], version, 'PX', ARGV[2])
end
return version
""")

# KEYS lists version; ARGV lease, field, entry, fields at most. -> 1 if stored, 0 if not.
# Lists end with their lease: what was read before a write is gone one lease's life after it, at the latest.
# A mark destroys the version, and no new one is made while it stands: equality says it all.
FILL = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[2]))
return 1
""")

# KEYS lists version writers; ARGV writer, milliseconds after which it is given up for dead.
MARK = Script("""
redis.call('DEL', KEYS[1], KEYS[2])
local now = redis.call('TIME')
redis.call('ZADD', KEYS[3], now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 1
""")

# KEYS lists version writers; ARGV writers.
CLEAR = Script("""
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], unpack(ARGV))
return 1
""")


def lists_of(user: str) -> str:
    """Return the name of a user's lists."""
    return f"tasks:{{{user}}}:lists"


def keys(user: str) -> list[str]:
    """Return the names of a user's lists, version and writers."""
    return [lists_of(user), f"tasks:{{{user}}}:version", f"tasks:{{{user}}}:writers"]
