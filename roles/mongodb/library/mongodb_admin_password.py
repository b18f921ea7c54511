#!/usr/bin/python
"""Ansible module: MongoDB's administrator has the password that is named, and no longer the former one."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DOCUMENTATION = r"""
module: mongodb_admin_password
short_description: Exchange an administrator's password
description:
  - Signs in with the new password. Where that is refused, it signs in with the former one and sets the new.
  - Connections that are open stay as they are. Done again, it changes nothing.
options:
  port:
    description: The port of the member on this machine.
    type: int
    required: true
  user:
    description: The administrator's name.
    type: str
    required: true
  password:
    description: The password that it shall have.
    type: str
    required: true
  former_password:
    description: The password that it may have still.
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
    description: For how long to wait for a primary, in seconds.
    type: int
    default: 60
author: Taskyard
"""

AUTHENTICATION_FAILED = 18


def signed_in(asked, password):
    return MongoClient(
        "localhost",
        asked["port"],
        replicaSet=asked["replica_set"],
        username=asked["user"],
        password=password,
        serverSelectionTimeoutMS=asked["timeout"] * 1000,
        tls=bool(asked["tls_ca_file"]),
        tlsCAFile=asked["tls_ca_file"],
    )


def opens(asked, password):
    with signed_in(asked, password) as client:
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            return False
    return True


def main():
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "former_password": {"type": "str", "required": True, "no_log": True},
            "replica_set": {"type": "str", "required": True},
            "tls_ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        is_new = opens(asked, asked["password"])
        if not is_new and not opens(asked, asked["former_password"]):
            module.fail_json(
                msg=f"MongoDB takes neither the new nor the former password of {asked['user']}. "
                "Bring back the secrets that it was set up with (.secrets, or your vault), and run it again."
            )
        if not is_new and not module.check_mode:
            with signed_in(asked, asked["former_password"]) as client:
                client.admin.command("updateUser", asked["user"], pwd=asked["password"])
    except PyMongoError as error:
        reason = error if isinstance(error, OperationFailure) else error.__class__.__name__
        module.fail_json(
            msg=f"The password of {asked['user']} was not exchanged: {reason}. It needs a primary, so a "
            "majority of the members: systemctl status mongod on each. Then run it again."
        )
    module.exit_json(changed=not is_new)


if __name__ == "__main__":
    main()
