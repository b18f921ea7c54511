"""Make the machine that is named the primary: `lead.py name password`."""

import sys
import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

name, password = sys.argv[1:]
who: dict[str, Any] = {"username": "admin", "password": password}
who |= {"tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
while True:
    try:
        with MongoClient(f"{name}:27017", directConnection=True, **who) as member:
            if member.admin.command("hello")["isWritablePrimary"]:
                break
        with MongoClient(f"{name}:27017", replicaSet="taskyard", **who) as client:
            client.admin.command("ping")  # until it is connected, it knows of nobody
            primary, others = client.primary, client.secondaries
            for host, port in others - {(name, 27017)}:
                with MongoClient(host, port, directConnection=True, **who) as other:
                    other.admin.command("replSetFreeze", 15)
            if primary and primary[0] != name:
                client.admin.command("replSetStepDown", 15)
    except PyMongoError as error:
        print(error, flush=True)
    time.sleep(1)
