#!/usr/bin/python
"""Documents the action of the same name, which runs on the controller."""

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
