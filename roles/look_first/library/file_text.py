#!/usr/bin/python
"""Documents the action of the same name, which runs on the controller."""

DOCUMENTATION = r"""
module: file_text
short_description: What a small text file says, and whose it is
description:
  - Reads it without Python on the machine.
options:
  path:
    description: The file.
    type: str
    required: true
author: Taskyard
"""

RETURN = r"""
text:
  description: What it says, as UTF-8. Empty where there is none.
  returned: success
  type: str
rights:
  description: Its mode, owner and group, such as "644 root root". Empty where there is none.
  returned: success
  type: str
"""
