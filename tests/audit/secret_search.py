"""Every secret is where it belongs and nowhere else: on machines, on this computer, in Ansible's output."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.audit import searching
from tests.audit.report import Row
from tests.audit.searching import ARGUMENTS, HISTORY, JOURNAL, KERNEL, PACKED, Places
from tests.audit.secret_places import misplaced
from tests.audit.secret_values import Secret, secrets_of
from tests.audit.site import BIN, Machine, Site
from tools.packages import ROOT

GROUP = "Secrets"
CANARY = "the canary"
# What Ansible leaves behind on this computer; facts are kept in memory alone (ansible.cfg).
FOLDERS_HERE = (Path("~/.ansible").expanduser(), Path(tempfile.gettempdir()), Path("/var/tmp"))
_MODES = r"""while read -r file; do stat --format='%a %n' "$file"; done"""


def rows(site: Site) -> Iterator[Row]:
    every = secrets_of(site.secrets)
    # What the run leaves behind on machines and here is searched afterwards.
    yield in_a_run(site, every)
    for machine in site.machines:
        yield on_a_machine(machine, every)
    yield on_this_computer(every)


def canary() -> Secret:
    """Something that has to be found: a search that cannot find anything proves nothing."""
    return Secret(CANARY, frozenset({secrets.token_hex(16)}))


def without_canary(found: Places, must: set[str]) -> tuple[Places, list[str]]:
    """What else was found, and where the canary was not."""
    missed = [
        f"the search has not found the canary in {place}"
        for place in sorted(must)
        if CANARY not in found.get(place, ())
    ]
    rest = {place: names - {CANARY} for place, names in found.items()}
    return {place: names for place, names in rest.items() if names}, missed


def on_a_machine(machine: Machine, every: list[Secret]) -> Row:
    bird = canary()
    (word,) = bird.patterns
    sources = [JOURNAL, ARGUMENTS, KERNEL, PACKED]
    with searching.planted_on(machine, word) as must:
        everything = searching.find(searching.on(machine), [*every, bird], sources, searching.FOLDERS)
    found, wrong = without_canary(everything, must)
    files = [place for place in found if place not in sources]
    listed = machine.run(_MODES, stdin="".join(f"{file}\n" for file in files)).splitlines()
    modes = {name: int(mode, 8) for mode, _, name in (line.partition(" ") for line in listed)}
    wrong += misplaced(machine.name, set(machine.groups), {each.name for each in every}, found, modes)
    count = sum(len(names) for names in found.values())
    return Row(GROUP, f"on {machine.name}", shown(len(every), count, len(wrong)), tuple(wrong))


def on_this_computer(every: list[Secret]) -> Row:
    bird = canary()
    (word,) = bird.patterns
    folders = [folder for folder in FOLDERS_HERE if folder.is_dir()]
    with searching.planted_here(word, [*folders, ROOT / ".cache"]) as (must, git):
        everything = searching.find(
            lambda *question: searching.here(*question, **git),
            [*every, bird],
            [HISTORY, ARGUMENTS],
            [str(folder) for folder in (ROOT, *folders)],
        )
    found, wrong = without_canary(everything, must)
    wrong += [f"{name} is in {place}" for place, names in sorted(found.items()) for name in sorted(names)]
    return Row(GROUP, "on this computer", shown(len(every), 0, len(wrong)), tuple(wrong))


def in_a_run(site: Site, every: list[Secret]) -> Row:
    """Of one full run of playbooks/site.yml that says all that it can."""
    bird = canary()
    command = [
        str(BIN / "ansible-playbook"),
        "-i",
        f"inventory/{site.environment}",
        "playbooks/site.yml",
        "--diff",
        "-vvv",
    ]
    handle, name = tempfile.mkstemp(prefix="taskyard-audit-")  # its mode is 0600
    os.close(handle)
    file = Path(name)
    try:
        plain = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
        with file.open("wb") as output:
            done = subprocess.run(command, cwd=ROOT, env=plain, stdout=output, stderr=output, check=False)
        with file.open("a") as output:
            output.write(f"\n{''.join(bird.patterns)}\n")
        lines = file.read_text(errors="replace").splitlines()
    finally:
        file.unlink()
    return judged_run(done.returncode, lines, every, bird)


def judged_run(status: int, lines: list[str], every: list[Secret], bird: Secret) -> Row:
    everything = searching.in_output(lines, [*every, bird])
    wrong = (
        []
        if any(CANARY in names for names in everything.values())
        else ["the search has not found the canary"]
    )
    wrong += [
        f"{name} is printed below {task}"
        for task, names in everything.items()
        for name in sorted(names - {CANARY})
    ]
    if status or not any(line.startswith("PLAY RECAP") for line in lines):
        wrong.append(f"playbooks/site.yml ended with {status}: type it yourself and see")
    if not any("invocation:" in line for line in lines):
        wrong.append("the run did not say what it did (-vvv)")
    return Row(
        GROUP,
        "in what a run prints (-vvv)",
        shown(len(every), 0, len(wrong)) + f", {len(lines)} lines",
        tuple(wrong),
    )


def shown(secrets_there: int, found: int, wrong: int) -> str:
    return f"{secrets_there} looked for, {found} found, {wrong} wrong"
