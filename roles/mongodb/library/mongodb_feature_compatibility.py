#!/usr/bin/python
"""Ansible module: the feature compatibility version of a replica set's data is looked up, or set."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DOCUMENTATION = r"""
module: mongodb_feature_compatibility
short_description: Look up the feature compatibility version of a replica set, or set it
description:
  - Without a version it asks the member on this machine, whatever its state, and changes nothing.
  - It is set when every member runs that series, or a later one; a member of an older series would end.
  - "See https://www.mongodb.com/docs/manual/reference/command/setFeatureCompatibilityVersion/"
options:
  port:
    description: The port of the member on this machine.
    type: int
    required: true
  user:
    description: An administrator's name.
    type: str
    required: true
  password:
    description: The administrator's password.
    type: str
    required: true
  replica_set:
    description: The set's name, which setting it needs.
    type: str
    default: ""
  version:
    description: "What it shall be: the name of a series, such as 8.0."
    type: str
    default: ""
  tls_ca_file:
    description: Whose certificates the members have to have (PEM). Left out, no TLS is spoken.
    type: path
  timeout:
    description: For how long to wait for a member's answer, in seconds.
    type: int
    default: 10
author: Taskyard
"""

RETURN = r"""
version:
  description: What it was before.
  returned: always
  type: str
"""

# The first series that wants to be told that it is meant.
CONFIRMS_FROM = 7


class RefusedError(Exception):
    """Going on would harm the set; the message says why and what to do."""


def series(version):
    """(8, 0) of 8.0.16 or of 8.0."""
    return tuple(int(part) for part in version.split(".")[:2])


def current(client):
    found = client.admin.command("getParameter", featureCompatibilityVersion=1)
    return found["featureCompatibilityVersion"]["version"]


def running(client, who):
    """{name:port: version} of all members' programs. Raises PyMongoError when one does not answer."""
    config = client.admin.command("replSetGetConfig")["config"]
    found = {}
    for host in [member["host"] for member in config["members"]]:
        with MongoClient(host, directConnection=True, **who) as member:
            found[host] = member.server_info()["version"]
    return found


def change(client, who, version):
    members = running(client, who)
    older = [f"{host} runs {found}" for host, found in members.items() if series(found) < series(version)]
    if older:
        raise RefusedError(
            f"The feature compatibility version cannot be {version} yet: {', '.join(older)}. "
            f'Set mongodb_version: "{version}" in the inventory for all members, and run it again.'
        )
    confirms = max(map(series, members.values()))[0] >= CONFIRMS_FROM
    client.admin.command("setFeatureCompatibilityVersion", version, **({"confirm": True} if confirms else {}))


def main():
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "replica_set": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "tls_ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    asked = module.params
    who = {
        "username": asked["user"],
        "password": asked["password"],
        "serverSelectionTimeoutMS": asked["timeout"] * 1000,
        "tls": bool(asked["tls_ca_file"]),
        "tlsCAFile": asked["tls_ca_file"],
    }
    where = {"replicaSet": asked["replica_set"]} if asked["version"] else {"directConnection": True}
    changed = False
    try:
        with MongoClient("localhost", asked["port"], **where, **who) as client:
            found = current(client)
            changed = asked["version"] not in ("", found)
            if changed and not module.check_mode:
                change(client, who, asked["version"])
    except RefusedError as error:
        module.fail_json(msg=str(error))
    except PyMongoError as error:
        reason = error if isinstance(error, OperationFailure) else error.__class__.__name__
        module.fail_json(msg=f"mongod gives no answer about its feature compatibility version ({reason})")
    module.exit_json(changed=changed, version=found)


if __name__ == "__main__":
    main()
