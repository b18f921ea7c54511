"""Ask who belongs to which replica set, and which users can sign in here.

Reads ``{"port": 27017, "members": ["data1:27017"], "users": [{"name", "password", "database"}],
"tls": {…}}``, where ``tls`` are pymongo's options for it.
Prints ``{"sets": {"data1:27017": "taskyard" or "" (none yet) or null (no answer)}, "refused": ["name"]}``.
"""

import json
import sys

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

AUTHENTICATION_FAILED = 18


def set_of(member, tls):
    try:
        with MongoClient(member, directConnection=True, serverSelectionTimeoutMS=3000, **tls) as client:
            return client.admin.command("hello").get("setName", "")
    except PyMongoError:
        return None


def refuses(port, user, tls):
    credentials = {"username": user["name"], "password": user["password"], "authSource": user["database"]}
    with MongoClient("localhost", port, directConnection=True, **credentials, **tls) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            return True
    return False


question = json.load(sys.stdin)
answer = {
    "sets": {member: set_of(member, question["tls"]) for member in question["members"]},
    "refused": [
        user["name"] for user in question["users"] if refuses(question["port"], user, question["tls"])
    ],
}
print(json.dumps(answer))
