#!/usr/bin/python
"""Ansible module: wait until a mongod serves as a member of its replica set. It changes nothing."""

from __future__ import annotations

import time

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import PyMongoError

DOCUMENTATION = r"""
module: mongodb_healthy
short_description: Wait until a mongod is PRIMARY or SECONDARY
description:
  - It changes nothing. A mongod that belongs to no replica set yet is healthy when it answers.
options:
  address:
    description: Where it listens.
    type: str
    required: true
  port:
    description: The port that it listens on.
    type: int
    required: true
  tls_ca_file:
    description: Whose certificates the members have to have (PEM). Left out, no TLS is spoken.
    type: path
  timeout:
    description: For how long to wait, in seconds.
    type: int
    default: 60
author: Taskyard
"""

# A member knows its set about when it listens; one that says for so long that it has none, has none.
SETTLED_SECONDS = 2
PAUSE_SECONDS = 0.25


def wait(address, port, tls_ca_file, timeout):
    """What is wrong in the end, or nothing."""
    give_up = time.monotonic() + timeout
    alone_since = None
    tls = {"tls": bool(tls_ca_file), "tlsCAFile": tls_ca_file}
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


def main():
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "tls_ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    asked = module.params
    state = wait(asked["address"], asked["port"], asked["tls_ca_file"], asked["timeout"])
    if state:
        module.fail_json(
            msg=f"mongod is not healthy after {asked['timeout']} s: {state}. No other member was restarted. "
            "Look on this machine: journalctl -u mongod. A large first copy of the data needs a longer "
            "mongodb_member_timeout. Then run it again."
        )
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
