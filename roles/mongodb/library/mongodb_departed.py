#!/usr/bin/python
"""Ansible module: find out whether a replica set has let a member go. It changes nothing."""

from __future__ import annotations

import time

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DOCUMENTATION = r"""
module: mongodb_departed
short_description: Fail as long as a mongod belongs to its replica set
description:
  - It changes nothing. Both sides are asked, the members that stay and the one that goes.
  - A mongod that gives no answer has no say; the members that stay decide.
options:
  member:
    description: "Who shall be gone: name:port."
    type: str
    required: true
  staying:
    description: "Who stays: name:port of each."
    type: list
    elements: str
    required: true
  port:
    description: The port of the mongod on this machine.
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
    description: The set's name.
    type: str
    required: true
  tls_ca_file:
    description: Whose certificates the members have to have (PEM). Left out, no TLS is spoken.
    type: path
  timeout:
    description: For how long to wait for a primary, or until this mongod knows that it is gone, in seconds.
    type: int
    default: 60
author: Taskyard
"""

PAUSE_SECONDS = 0.25
REMEDY = (
    "MongoDB was not removed here. The members that stay let this one go in a run of the whole playbook, "
    "when a majority of them is healthy (systemctl status mongod on each): "
    "ansible-playbook -i inventory/<environment> playbooks/site.yml"
)


def is_named(asked):
    """Whether the set's primary, one of those that stay, has this member in its configuration."""
    with MongoClient(
        asked["staying"],
        replicaSet=asked["replica_set"],
        username=asked["user"],
        password=asked["password"],
        serverSelectionTimeoutMS=asked["timeout"] * 1000,
        tls=bool(asked["tls_ca_file"]),
        tlsCAFile=asked["tls_ca_file"],
    ) as client:
        config = client.admin.command("replSetGetConfig")["config"]
    return asked["member"] in [member["host"] for member in config["members"]]


def own_set(port, tls_ca_file):
    """The set that the mongod here belongs to as far as it knows; empty without one, or without an answer."""
    tls = {"tls": bool(tls_ca_file), "tlsCAFile": tls_ca_file}
    with MongoClient(
        "localhost", port, directConnection=True, serverSelectionTimeoutMS=2000, **tls
    ) as client:
        try:
            hello = client.admin.command("hello")
        except PyMongoError:
            return ""
    return hello.get("setName", "")


def obstacle(asked):
    """Why it must not be removed, or nothing."""
    try:
        if is_named(asked):
            return f"{asked['member']} is still a member of the replica set {asked['replica_set']}."
    except PyMongoError as error:
        reason = error if isinstance(error, OperationFailure) else error.__class__.__name__
        return f"Whether {asked['member']} has left, {', '.join(asked['staying'])} cannot say ({reason})."
    # It learns of its removal from the others, a heartbeat or two later.
    give_up = time.monotonic() + asked["timeout"]
    while found := own_set(asked["port"], asked["tls_ca_file"]):
        if time.monotonic() > give_up:
            return (
                f"{asked['member']} is still a member of a replica set {found}, "
                f"which is another one than that of {', '.join(asked['staying'])}."
            )
        time.sleep(PAUSE_SECONDS)
    return None


def main():
    module = AnsibleModule(
        argument_spec={
            "member": {"type": "str", "required": True},
            "staying": {"type": "list", "elements": "str", "required": True},
            "port": {"type": "int", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "replica_set": {"type": "str", "required": True},
            "tls_ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    problem = obstacle(module.params)
    if problem:
        module.fail_json(msg=f"{problem} {REMEDY}")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
