"""Look at every member many times a second. Prints when each was away, once it is told to end."""

import json
import signal
import sys
import threading
import time

from pymongo import MongoClient
from pymongo.errors import PyMongoError

away = {member: [] for member in sys.argv[1:]}
over = threading.Event()


def is_healthy(member):
    try:
        with MongoClient(member, directConnection=True, serverSelectionTimeoutMS=1000) as client:
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
threads = [threading.Thread(target=watch, args=[member]) for member in away]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(away))
