#!/usr/bin/python
"""Ansible module: is what a server shows the certificate in its file? It changes nothing."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: served_certificate
short_description: Whether a server shows the certificate that is in its file
description:
  - It changes nothing. A server reads its file when it starts, so it may go on showing an older certificate.
options:
  path:
    description: The file, in which the server's certificate comes first (PEM). A key may be in it too.
    type: path
    required: true
  address:
    description: Where the server listens.
    type: str
    required: true
  port:
    description: The port that it listens on.
    type: int
    required: true
  timeout:
    description: For how long to wait until the server listens, in seconds.
    type: int
    default: 0
author: Taskyard
"""

RETURN = r"""
is_another:
  description: Whether the server shows another one than that in the file.
  returned: success
  type: bool
certificate:
  description: The certificate in the file (PEM).
  returned: success
  type: str
reason:
  description: Why it shows none, when it does not.
  returned: success
  type: str
"""

PAUSE_SECONDS = 0.25
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def in_file(path):
    text = Path(path).read_text()
    return BEGIN + text.split(BEGIN, 1)[1].split(END, 1)[0] + END


def served(address, port):
    """What the server shows (DER). Nothing is verified: it is compared."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=5) as plain,
        context.wrap_socket(plain) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "required": True},
            "timeout": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        certificate = in_file(asked["path"])
    except (OSError, IndexError) as error:
        module.fail_json(msg=f"{asked['path']} has no certificate that could be read: {error}")
    shown, reason, give_up = b"", "", time.monotonic() + asked["timeout"]
    while not shown:
        try:
            shown = served(asked["address"], asked["port"])
        except OSError as error:
            if time.monotonic() >= give_up:
                reason = str(error)
                break
            time.sleep(PAUSE_SECONDS)
    is_another = bool(shown) and shown != ssl.PEM_cert_to_DER_cert(certificate)
    module.exit_json(changed=False, is_another=is_another, reason=reason, certificate=certificate)


if __name__ == "__main__":
    main()
