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
        script = f"""\
set -e
if [ -f {path} ]; then
  stat --format='file_text rights %a %U %G' -- {path}
  echo "file_text text $(base64 --wrap=0 -- {path})"
else
  echo "file_text none"
fi
"""
        done = self._low_level_execute_command("/bin/sh -s", in_data=script.encode())
        # Whatever else the session prints before it, such as a shell's own file of somebody's.
        said = [
            line.split(" ", 2)[1:] for line in done["stdout"].splitlines() if line.startswith("file_text ")
        ]
        match said:
            case [["none"]]:
                return {**result, "changed": False, "rights": "", "text": ""}
            case [["rights", rights], ["text", encoded]]:
                text = base64.b64decode(encoded, validate=True).decode(errors="replace")
                return {**result, "changed": False, "rights": rights, "text": text}
        return {**result, "failed": True, "msg": f"{asked['path']} cannot be read: {done['stderr'].strip()}"}
