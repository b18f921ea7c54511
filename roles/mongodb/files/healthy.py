"""Wait until a mongod serves as a member of its replica set: PRIMARY or SECONDARY. It changes nothing.

Reads ``{"address": "10.0.0.2", "port": 27017, "tls": {…}, "seconds": 60}``, where ``tls`` are pymongo's
options for it. A mongod that belongs to no replica set yet is healthy when it answers. For one that is not
healthy in time it ends with status 1, and says what to do.
"""

import json
import sys
import time

from pymongo import MongoClient
from pymongo.errors import PyMongoError

# A member knows its set about when it listens; one that says for so long that it has none, has none.
SETTLED_SECONDS = 2
PAUSE_SECONDS = 0.25


def wait(address, port, tls, seconds):
    """What is wrong in the end, or nothing."""
    give_up = time.monotonic() + seconds
    alone_since = None
    with MongoClient(address, port, directConnection=True, serverSelectionTimeoutMS=1000, **tls) as client:
        while True:
            now = time.monotonic()
            try:
                hello = client.admin.command("hello")
            except PyMongoError as error:
                alone_since = None
                state = f"it gives no answer ({error.__class__.__name__})"
            else:
                if hello.get("isWritablePrimary") or hello.get("secondary"):
                    return None
                alone_since = None if "setName" in hello else alone_since or now
                if alone_since and now - alone_since >= SETTLED_SECONDS:
                    return None
                state = "it is neither PRIMARY nor SECONDARY"
            if now >= give_up:
                return state
            time.sleep(PAUSE_SECONDS)


asked = json.load(sys.stdin)
wrong = wait(**asked)
if wrong:
    sys.exit(
        f"mongod is not healthy after {asked['seconds']} s: {wrong}. No other member was restarted. "
        "Look on this machine: journalctl -u mongod. A large first copy of the data needs a longer "
        "mongodb_member_timeout. Then run it again."
    )
