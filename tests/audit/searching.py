"""Looking for lines in files, logs and arguments, here and on machines, and telling nobody what it is.

What is looked for goes to bash by standard input, and from there to grep in the same way: it is in no
argument and in no file. Only the places come back.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.audit.secret_values import Secret
from tests.audit.site import Machine
from tools.cluster.shell import StopError
from tools.packages import ROOT

JOURNAL, ARGUMENTS, KERNEL = "the journal", "a process's arguments", "the kernel's log"
PACKED, HISTORY = "packed logs", "git's history"
FOLDERS = ("/etc", "/var", "/opt", "/root", "/home", "/tmp", "/run", "/srv", "/usr/local")
# The arguments are sources that are no files (by their names above), "--", and files or folders.
_SEARCH = r"""
export LC_ALL=C
patterns=$(cat)
search() { printf '%s\n' "$patterns" | grep --text --fixed-strings --file=- "$@" 2>/dev/null; }
while [ "$1" != -- ]; do
  case "$1" in
    "the journal") search --quiet <(journalctl --quiet --all --output=verbose --no-pager) ;;
    "a process's arguments") search --quiet /proc/[0-9]*/cmdline ;;
    "packed logs") search --quiet <(find /var/log -name '*.gz' -exec zcat {} +) ;;
    "the kernel's log") search --quiet <(dmesg) ;;
    "git's history") search --quiet <(git cat-file --batch-all-objects --unordered --batch) ;;
  esac && printf '%s\n' "$1"
  shift
done
shift
[ $# = 0 ] || search --recursive --files-with-matches --devices=skip --exclude-dir=.secrets -- "$@"
exit 0
"""
_PLANT = r"""
read -r word
umask 077
file=$(mktemp /tmp/taskyard-audit-XXXXXX)
printf '%s\n' "$word" > "$file"
printf '%s\n' "$word" | logger --tag taskyard-audit
journalctl --sync
setsid bash -c 'sleep 300; true' "$word" > /dev/null 2>&1 &
printf '%s %s\n' "$file" "$!"
"""

Places = dict[str, set[str]]  # by place the names of what was found there
Ask = Callable[[str, Sequence[str], str], str]  # runs a script with arguments and standard input


def find(ask: Ask, secrets: Sequence[Secret], sources: Sequence[str], paths: Sequence[str]) -> Places:
    """Where which of them is: once for all of them, then for each where one was."""
    places: Places = {}

    def look(patterns: Iterable[str], where: Sequence[str], files: Sequence[str]) -> list[str]:
        return ask(
            _SEARCH, [*where, "--", *files], "".join(f"{each}\n" for each in sorted(patterns))
        ).splitlines()

    hit = look({pattern for secret in secrets for pattern in secret.patterns}, sources, paths)
    for secret in secrets if hit else ():
        within = [place for place in hit if place not in sources]
        for place in look(secret.patterns, [place for place in hit if place in sources], within):
            places.setdefault(place, set()).add(secret.name)
    return places


def here(script: str, arguments: Sequence[str], stdin: str, **environment: str) -> str:
    """Ask this computer, from the checkout's root. Raises StopError."""
    done = subprocess.run(
        ["bash", "-c", script, "bash", *arguments],
        input=stdin,
        text=True,
        errors="replace",
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise StopError(f"a search ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def on(machine: Machine) -> Ask:
    return lambda script, arguments, stdin: machine.run(script, *arguments, stdin=stdin)


@contextmanager
def planted_on(machine: Machine, word: str) -> Iterator[set[str]]:
    """A word in a file, in the journal and in a process's arguments: the places where it has to be found."""
    file, process = machine.run(_PLANT, stdin=f"{word}\n").split()
    try:
        yield {file, JOURNAL, ARGUMENTS}
    finally:
        machine.run('rm -f "$1"; kill -- "-$2" 2>/dev/null; true', file, process)


@contextmanager
def planted_here(word: str, folders: Iterable[Path]) -> Iterator[tuple[set[str], dict[str, str]]]:
    """A word in a file in each folder and in git's history: the places, and what git needs to see it."""
    with tempfile.TemporaryDirectory(prefix="taskyard-audit-") as objects:
        files = []
        try:
            for folder in folders:
                handle, name = tempfile.mkstemp(prefix="taskyard-audit-", dir=folder)
                files.append(name)
                os.write(handle, f"{word}\n".encode())
                os.close(handle)
            real = here("git rev-parse --path-format=absolute --git-path objects", [], "").strip()
            git = {"GIT_OBJECT_DIRECTORY": objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES": real}
            here("git hash-object -w --stdin", [], f"{word}\n", **git)
            yield {*files, HISTORY}, git
        finally:
            for name in files:
                Path(name).unlink()


def in_output(lines: Iterable[str], secrets: Sequence[Secret]) -> Places:
    """In what Ansible printed: by the task above which of them is."""
    places: Places = {}
    task = "the beginning"
    for line in lines:
        if heading := re.match(r"(?:TASK|RUNNING HANDLER|PLAY) \[.*?\]", line):
            task = heading[0]
        for secret in secrets:
            if any(pattern in line for pattern in secret.patterns):
                places.setdefault(task, set()).add(secret.name)
    return places
