"""Ansible action: what a small text file says, and whose it is. No module is needed."""

from __future__ import annotations

import base64
import shlex
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read it; one that is not there says nothing."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec({"path": {"type": "str", "required": True}})
        path = shlex.quote(asked["path"])
        script = f"[ -f {path} ] || exit 0\nstat --format='%a %U %G' -- {path}\nbase64 --wrap=0 -- {path}\n"
        done = self._low_level_execute_command("/bin/sh -s", in_data=script.encode())
        if done["rc"] != 0:
            return {
                **result,
                "failed": True,
                "msg": f"{asked['path']} cannot be read: {done['stderr'].strip()}",
            }
        rights, _, encoded = done["stdout"].partition("\n")
        text = base64.b64decode(encoded).decode(errors="replace")
        return {**result, "changed": False, "exists": bool(rights), "rights": rights.strip(), "text": text}
