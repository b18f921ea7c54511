#!/usr/bin/python
"""Documents the action of the same name, which runs on the controller."""

DOCUMENTATION = r"""
module: managed_packages
short_description: Debian packages that are installed, for their own sake
description:
  - Looks first, without Python on the machine. Where one is missing, or is there only since another package
    needs it, ansible.builtin.apt installs them without what they merely recommend.
options:
  names:
    description: The packages.
    type: list
    elements: str
    required: true
  policy_rc_d:
    description: As for ansible.builtin.apt. 101 lets no service of theirs start.
    type: int
author: Taskyard
"""
