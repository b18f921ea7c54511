"""Look at every member many times a second: `watch.py RESULT MEMBER...`, until it is told to end (SIGTERM).

RESULT is then a JSON document: {member: [the moments at which it was away]}.
"""

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

TLS: dict[str, Any] = {"tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
result, *members = sys.argv[1:]
away = {member: [] for member in members}
over = threading.Event()


def is_healthy(member):
    try:
        with MongoClient(member, directConnection=True, serverSelectionTimeoutMS=1000, **TLS) as client:
            hello = client.admin.command("hello")
            return hello["isWritablePrimary"] or hello["secondary"]
    except PyMongoError:
        return False


def watch(member):
    while not over.is_set():
        now = time.time()
        if not is_healthy(member):
            away[member].append(now)
        time.sleep(0.2)


signal.signal(signal.SIGTERM, lambda *_: over.set())
for each in away:
    threading.Thread(target=watch, args=[each], daemon=True).start()
over.wait()
Path(result).write_text(json.dumps(away))
