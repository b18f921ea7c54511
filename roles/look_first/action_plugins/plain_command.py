"""Ansible action: a program with something on its standard input. No module is needed."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase

# What the session prints before it is not the program's, such as a shell's own file of somebody's.
_BEGIN = "plain_command begins"


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run it. It has failed when it ended with another status than 0."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            {
                "argv": {"type": "list", "elements": "str", "required": True},
                "stdin": {"type": "str", "default": ""},
                "chdir": {"type": "str"},
            }
        )
        given = asked["stdin"] if asked["stdin"].endswith("\n") else asked["stdin"] + "\n"
        there = [f"cd {shlex.quote(asked['chdir'])}"] if asked["chdir"] else []
        command = " && ".join([*there, f"echo {shlex.quote(_BEGIN)}", shlex.join(asked["argv"])])
        done = self._low_level_execute_command(command, in_data=given.encode())
        done["stdout"] = done["stdout"].partition(f"{_BEGIN}\n")[2]
        done["stdout_lines"] = done["stdout"].splitlines()
        if done["rc"] != 0:
            done |= {
                "failed": True,
                "msg": f"{asked['argv'][0]} ended with {done['rc']}: {done['stderr'].strip()}",
            }
        return {**result, **done, "changed": True}
