#!/usr/bin/python
"""Ansible module: let the mongod on this machine read its certificate again, without a restart."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

DOCUMENTATION = r"""
module: mongodb_rotate_certificates
short_description: Let mongod read its certificate and its authorities again
description:
  - Connections that are open stay as they are; new ones get the new certificate.
  - "See https://www.mongodb.com/docs/manual/tutorial/rotate-x509-certificates/"
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
  tls_ca_file:
    description: The authorities of whom the certificate is that mongod shows now (PEM).
    type: path
    required: true
author: Taskyard
"""


def main():
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "tls_ca_file": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    # What it shows now may have ended, or be another authority's, which is why it is exchanged: it is asked
    # on this machine alone, and the password goes by SCRAM, which tells it to nobody.
    how = {
        "username": asked["user"],
        "password": asked["password"],
        "authMechanism": "SCRAM-SHA-256",
        "directConnection": True,
        "serverSelectionTimeoutMS": 5000,
        "tls": True,
        "tlsCAFile": asked["tls_ca_file"],
        "tlsAllowInvalidCertificates": True,
    }
    if not module.check_mode:
        try:
            with MongoClient("127.0.0.1", asked["port"], **how) as client:
                client.admin.command("rotateCertificates")
        except PyMongoError as error:
            reason = error if isinstance(error, OperationFailure) else error.__class__.__name__
            module.fail_json(
                msg=f"mongod did not read its certificate again: {reason}. It goes on with the one "
                "that it has. Look on this machine: journalctl -u mongod. A restart reads it, too: "
                "systemctl restart mongod"
            )
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
