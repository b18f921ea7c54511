#!/usr/bin/python
"""Ansible module: files and folders with their content, owner and rights, several at once."""

from __future__ import annotations

import base64
import grp
import os
import pwd
import shlex
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: managed_files
short_description: Files and folders with their content, owner and rights, several at once
description:
  - The action of the same name looks first, without Python on the machine, and calls this for what differs.
  - A file is written beside its place, with its rights, checked, and put there whole. A link in its place is
    replaced by it; a link to a folder is a folder.
options:
  files:
    description: What there has to be, in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where.
        type: str
        required: true
      state:
        description: What.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: The file's content. (The action encodes it with base64 for the module.)
        type: str
      owner:
        description: Whose it is.
        type: str
        default: root
      group:
        description: Which group's it is.
        type: str
        default: root
      mode:
        description: Its rights, octal. By default 0644, a folder's 0755.
        type: str
      validate:
        description: A command that has to succeed with the new file, whose path takes the place of %s.
        type: str
author: Taskyard
"""

RETURN = r"""
paths:
  description: What was not as it has to be.
  returned: success
  type: list
  elements: str
"""

NEW = ".taskyard-new-"


def rights(path):
    """'# 0644 root:root', as --diff shows it."""
    seen = os.lstat(path)
    try:
        owner = pwd.getpwuid(seen.st_uid).pw_name
    except KeyError:
        owner = str(seen.st_uid)
    try:
        group = grp.getgrgid(seen.st_gid).gr_name
    except KeyError:
        group = str(seen.st_gid)
    return f"# {stat.S_IMODE(seen.st_mode):04o} {owner}:{group}\n"


def found(path):
    """What is there; None when nothing is."""
    if not os.path.lexists(path):
        return None
    # Not encoded as what was asked for: that is masked wherever it comes up in an answer.
    content = Path(path).read_bytes().hex() if Path(path).is_file() else ""
    return {"rights": rights(path), "content": content}


def give(module, file, path):
    """Give the owner and the rights; whether they were others."""
    attributes = module.load_file_common_arguments({**file, "path": path}, path=path)
    return module.set_fs_attributes_if_different(attributes, changed=False)


def write(module, file):
    """Put a file in its place, whole or not at all."""
    path = Path(file["path"])
    try:
        handle, new = tempfile.mkstemp(prefix=NEW, dir=path.parent)
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be written: {error}")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(base64.b64decode(file["content"]))
            stream.flush()
            os.fsync(stream.fileno())
        give(module, file, new)
        if file["validate"]:
            command = [new if word == "%s" else word for word in shlex.split(file["validate"])]
            status, said, complained = module.run_command(command)
            if status:
                module.fail_json(
                    msg=f"{path} was left as it is: {shlex.join(command)} does not take the new one",
                    stdout=said,
                    stderr=complained,
                )
        Path(new).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(new).unlink()


def bring_about(module, file):
    """Make one as it has to be."""
    path = Path(file["path"])
    if file["state"] == "absent":
        with suppress(FileNotFoundError):
            path.unlink()
    elif file["state"] == "directory":
        # Folders above it that are missing are made alike, whatever the session's umask is.
        missing = [each for each in (path, *path.parents) if not each.is_dir()]
        for folder in [*reversed(missing), path]:
            if folder in missing and not folder.is_dir():
                folder.mkdir(mode=0o700)
            give(module, file, os.path.realpath(folder))  # somebody may have put it on another disk
    else:
        write(module, file)


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "str", "required": True},
                    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
                    "content": {"type": "str", "no_log": True},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str"},
                    "validate": {"type": "str"},
                },
            }
        },
        supports_check_mode=True,
    )
    files = module.params["files"]
    before = {}
    for file in files:
        before[file["path"]] = found(file["path"])
        if not module.check_mode:
            try:
                bring_about(module, file)
            except OSError as error:
                module.fail_json(msg=f"{file['path']} cannot be {file['state']}: {error}")
    module.exit_json(changed=True, paths=[file["path"] for file in files], before=before)


if __name__ == "__main__":
    main()
