"""Ask who belongs to which replica set, which accounts can sign in here, what they may do, who was before.

Reads ``{"port": 27017, "members": ["data1:27017"], "admin": {"name", "password", "database"},
"users": [{"name", "account", "password", "database", "roles", "privileges"}], "tls": {…}}``, where ``tls``
are pymongo's options for it; a user whose account is not said signs in by name, and has a role called like
itself when it has privileges.
Prints ``{"sets": {"data1:27017": "taskyard" or "" (none yet) or null (no answer)}, "refused": ["account"],
"roles": ["name"], "accounts": ["account"], "former": [{"account", "database"}],
"config": {"hosts": ["data1:27017"], "election_timeout_ms": 2000} or null}``: ``roles`` and ``accounts`` are
those that are missing, or may do anything else than they should, or cannot sign in; ``config`` is the set's,
null where the administrator cannot ask, or nobody is primary.
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


def set_config(client):
    """The members and the patience of the set to which this machine belongs; None while it has no primary."""
    if not client.admin.command("hello").get("primary"):
        return None
    config = client.admin.command("replSetGetConfig")["config"]
    return {
        "hosts": [member["host"] for member in config["members"]],
        "election_timeout_ms": config["settings"]["electionTimeoutMillis"],
    }


def is_former(name, user):
    """Whether it is another account that is called like the user, or so with the digits of a password."""
    return re.fullmatch(re.escape(user["name"]) + "(-[0-9a-f]{4})?", name) and name != account(user)


def role_serves(client, user):
    """Whether the role may do what it should, and no more."""
    shown = {"showPrivileges": True, "showAuthenticationRestrictions": True}
    found = client.admin.command({"rolesInfo": {"role": user["name"], "db": "admin"}, **shown})["roles"]
    wanted = {(each["database"], "", frozenset(each["actions"])) for each in user["privileges"]}
    return [
        {
            (each["resource"].get("db"), each["resource"].get("collection"), frozenset(each["actions"]))
            for each in role["privileges"]
        }
        for role in found
        if not role["roles"] and not role["authenticationRestrictions"]
    ] == [wanted]


def account_serves(known, user):
    """Whether the account has the roles that it should, and no others."""
    wanted = {
        (each["role"], each["db"]) if isinstance(each, dict) else (each, user["database"])
        for each in user.get("roles") or []
    } | ({(user["name"], "admin")} if user.get("privileges") else set())
    return [
        {(each["role"], each["db"]) for each in found["roles"]}
        for found in known
        if found["user"] == account(user)
    ] == [wanted]


question = json.load(sys.stdin)
users = question["users"]
refused = [account(user) for user in [question["admin"], *users] if refuses(user)]
roles = [user["name"] for user in users if user.get("privileges")]
accounts = [account(user) for user in users]
former, config = [], None
if account(question["admin"]) not in refused:
    with signed_in(question["admin"]) as client:
        roles = [user["name"] for user in users if user.get("privileges") and not role_serves(client, user)]
        config = set_config(client)
        known = {user["database"]: client[user["database"]].command("usersInfo")["users"] for user in users}
    accounts = [
        account(user)
        for user in users
        if account(user) in refused or not account_serves(known[user["database"]], user)
    ]
    former = [
        {"account": each["user"], "database": user["database"]}
        for user in users
        for each in known[user["database"]]
        if is_former(each["user"], user)
    ]
answer = {
    "sets": {member: set_of(member, question["tls"]) for member in question["members"]},
    "refused": refused,
    "roles": roles,
    "accounts": accounts,
    "former": former,
    "config": config,
}
print(json.dumps(answer))
