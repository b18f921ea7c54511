"""Ansible action: a system user whom nobody signs in as. One look; the module where it differs."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase

_SHELL = "/usr/sbin/nologin"


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """A user that is there costs no module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            {"name": {"type": "str", "required": True}, "home": {"type": "str", "default": "/nonexistent"}}
        )
        script = f"getent passwd -- {shlex.quote(asked['name'])} | cut -d: -f1,6,7\n"
        seen = self._low_level_execute_command("/bin/sh -s", in_data=script.encode())["stdout"].splitlines()
        if f"{asked['name']}:{asked['home']}:{_SHELL}" in seen:
            return {**result, "changed": False}
        arguments = {**asked, "system": True, "create_home": False, "shell": _SHELL}
        done = self._execute_module("ansible.builtin.user", module_args=arguments, task_vars=task_vars)
        return {**result, **done}
