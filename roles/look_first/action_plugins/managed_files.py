"""Ansible action: files as they are described. One look at all of them; a module for those that differ."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

_KINDS = {"file": "regular", "directory": "directory", "absent": "none"}
_OPTIONS = {
    "path": {"type": "str", "required": True},
    "state": {"type": "str", "choices": list(_KINDS), "default": "file"},
    "content": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str"},
    "validate": {"type": "str"},
}
# What is there: a line for each, "0 regular 644 root root <digest>". From standard input: nothing of it shows
# in a list of processes.
_LOOK = """\
look() {
  if [ -d "$2" ]; then kind=directory
  elif [ -h "$2" ]; then kind=link
  elif [ -f "$2" ]; then kind=regular
  elif [ -e "$2" ]; then kind=other
  else echo "$1 none"; return
  fi
  set -- "$1" "$2" "$(stat --dereference --format='%a %U %G' -- "$2")"
  [ "$kind" != regular ] || set -- "$@" "$(sha256sum < "$2")"
  echo "$1 $kind $3 ${4%% *}"
}
"""


def _described(files: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The files with what goes without saying. Raises ValueError."""
    for file in files:
        is_file = file["state"] == "file"
        if is_file != (file["content"] is not None):
            told = "needs its content" if is_file else f"has no content, as it is to be {file['state']}"
            raise ValueError(f"{file['path']} {told}")
        mode = file["mode"] or ("0644" if is_file else "0755")
        try:
            int(mode, 8)
        except ValueError:
            raise ValueError(f'{file["path"]}: mode has to be octal, such as "0644"') from None
        yield {**file, "mode": mode}


def _as_seen(file: Mapping[str, Any]) -> str:
    """What `_LOOK` says of a file that is as it is described, without its number."""
    if file["state"] == "absent":
        return "none"
    digest = hashlib.sha256(file["content"].encode()).hexdigest() if file["state"] == "file" else ""
    words = [_KINDS[file["state"]], f"{int(file['mode'], 8):o}", file["owner"], file["group"], digest]
    return " ".join(words).strip()


class ActionModule(ActionBase):  # type: ignore[misc] # Ansible has no types
    """What Ansible looks for."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Files that are as they are described cost no module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, asked = self.validate_argument_spec(
            {"files": {"type": "list", "elements": "dict", "required": True, "options": _OPTIONS}}
        )
        try:
            files = list(_described(asked["files"]))
        except ValueError as error:
            return {**result, "failed": True, "msg": str(error)}
        script = _LOOK + "".join(
            f"look {number} {shlex.quote(file['path'])}\n" for number, file in enumerate(files)
        )
        seen = self._low_level_execute_command("/bin/sh -s", in_data=script.encode())["stdout"].splitlines()
        lines = {line.strip() for line in seen}
        differing = [file for number, file in enumerate(files) if f"{number} {_as_seen(file)}" not in lines]
        if not differing:
            return {**result, "changed": False, "paths": []}
        # Encoded: what is secret is masked wherever it comes up, and a short content would come up anywhere.
        told = [
            {**file, "content": base64.b64encode(file["content"].encode()).decode()}
            if file["state"] == "file"
            else file
            for file in differing
        ]
        done = self._execute_module("managed_files", module_args={"files": told}, task_vars=task_vars)
        before = done.pop("before", {})
        if self._task.diff:
            done["diff"] = [self._difference(file, before) for file in differing]
        return {**result, **done}

    @staticmethod
    def _difference(file: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, str]:
        """What a file was and will be, for --diff."""
        was = before.get(file["path"]) or {}
        after = "" if file["state"] == "absent" else f"# {file['mode']} {file['owner']}:{file['group']}\n"
        return {
            "before_header": file["path"],
            "after_header": file["path"],
            "before": was.get("rights", "") + bytes.fromhex(was.get("content", "")).decode(errors="replace"),
            "after": after + (file["content"] or ""),
        }
