#!/usr/bin/python
"""Documents the action of the same name, which runs on the controller."""

DOCUMENTATION = r"""
module: managed_user
short_description: A system user whom nobody signs in as
description:
  - Looks first, without Python on the machine. Where the user is missing, or has another home or a shell,
    ansible.builtin.user makes it so. It makes no home.
options:
  name:
    description: The user.
    type: str
    required: true
  home:
    description: The home that is written down.
    type: str
    default: /nonexistent
author: Taskyard
"""
