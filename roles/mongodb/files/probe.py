"""Ask who belongs to which replica set, which accounts can sign in here, and which were used before them.

Reads ``{"port": 27017, "members": ["data1:27017"], "admin": {"name", "password", "database"},
"users": [{"name", "account", "password", "database"}], "tls": {…}}``, where ``tls`` are pymongo's options for
it; a user whose account is not said signs in by name.
Prints ``{"sets": {"data1:27017": "taskyard" or "" (none yet) or null (no answer)}, "refused": ["account"],
"former": [{"account", "database"}]}``.
"""

import json
import re
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


def account(user):
    return user.get("account") or user["name"]


def signed_in(user):
    credentials = {"username": account(user), "password": user["password"], "authSource": user["database"]}
    return MongoClient("localhost", question["port"], directConnection=True, **credentials, **question["tls"])


def refuses(user):
    with signed_in(user) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            return True
    return False


def former(user):
    """Other accounts that are called like the user, or so with the digits of another password."""
    with signed_in(question["admin"]) as client:
        known = client[user["database"]].command("usersInfo")["users"]
    own = re.compile(re.escape(user["name"]) + "(-[0-9a-f]{4})?")
    return [each["user"] for each in known if own.fullmatch(each["user"]) and each["user"] != account(user)]


question = json.load(sys.stdin)
refused = [account(user) for user in [question["admin"], *question["users"]] if refuses(user)]
answer = {
    "sets": {member: set_of(member, question["tls"]) for member in question["members"]},
    "refused": refused,
    "former": [
        {"account": name, "database": user["database"]}
        for user in question["users"]
        if account(question["admin"]) not in refused
        for name in former(user)
    ],
}
print(json.dumps(answer))
