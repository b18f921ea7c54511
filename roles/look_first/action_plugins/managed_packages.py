"""Ansible action: Debian packages that are installed. One look; apt's module where one is not."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase

# From apt's own notes of what came only since another package needs it. apt-mark(8) would read far more.
_NOTED = """\
awk '/^Package:/ { package = $2 } /^Auto-Installed: 1/ { print "auto", package }' /var/lib/apt/extended_states
"""


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Packages that are there cost no module.

        They have to be there for their own sake, and not only as something that another package has brought
        along, and takes with it.
        """
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            {
                "names": {"type": "list", "elements": "str", "required": True},
                "policy_rc_d": {"type": "int"},
            }
        )
        names = shlex.join(asked["names"])
        script = (
            f"dpkg-query --show --showformat '${{db:Status-Status}} ${{Package}}\\n' -- {names}\n" + _NOTED
        )
        seen = self._low_level_execute_command("/bin/sh -s", in_data=script.encode())["stdout"].splitlines()
        lines = {line.strip() for line in seen}
        if all(f"installed {name}" in lines and f"auto {name}" not in lines for name in asked["names"]):
            return {**result, "changed": False}
        arguments = {"name": asked["names"], "install_recommends": False}
        if asked["policy_rc_d"] is not None:
            arguments["policy_rc_d"] = asked["policy_rc_d"]
        done = self._execute_module("ansible.builtin.apt", module_args=arguments, task_vars=task_vars)
        return {**result, **done}
