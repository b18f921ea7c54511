"""Ansible action: is what a server shows the certificate in its file? No module is needed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

_PROGRAM = Path(__file__).parents[1] / "files" / "served.py"
_PYTHON = "/usr/bin/python3 -I -c"


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the machine, whose answer is the last line that it prints."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            {
                "path": {"type": "path", "required": True},
                "address": {"type": "str", "required": True},
                "port": {"type": "int", "required": True},
                "timeout": {"type": "int", "default": 0},
            }
        )
        words = [str(asked[name]) for name in ("path", "address", "port", "timeout")]
        done = self._low_level_execute_command(f"{_PYTHON} {shlex.join([_PROGRAM.read_text(), *words])}")
        if done["rc"] != 0:
            said = (done["stderr"] or done["stdout"]).strip().splitlines()
            return {**result, "failed": True, "msg": said[-1] if said else "Python cannot be started there"}
        return {**result, "changed": False, **json.loads(done["stdout"].strip().splitlines()[-1])}
