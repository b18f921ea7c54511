#!/usr/bin/python
"""Documents the action of the same name, which runs on the controller."""

DOCUMENTATION = r"""
module: plain_command
short_description: A program with something on its standard input
description:
  - As ansible.builtin.command, without Python on the machine.
  - It is skipped in a check (--check).
options:
  argv:
    description: The program and its arguments. Whoever lists processes sees them.
    type: list
    elements: str
    required: true
  stdin:
    description: What it reads. A newline is added where none is at the end.
    type: str
    default: ""
  chdir:
    description: The folder in which it begins.
    type: str
author: Taskyard
"""

RETURN = r"""
rc:
  description: The status with which it ended.
  returned: always
  type: int
stdout:
  description: What it printed.
  returned: always
  type: str
stderr:
  description: What it complained about.
  returned: always
  type: str
"""
