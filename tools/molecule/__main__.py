"""Run the roles' scenarios on the systems they are made for, several at a time, and close with a table.

python -m tools.molecule                       all of them
python -m tools.molecule --role nginx          one role's
python -m tools.molecule --since origin/main   what a change touches
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.shell import StopError, output, say, stop
from tools.molecule import engine
from tools.packages import ROOT

ROLES = ROOT / "roles"
# Whatever is changed here may change every role.
COMMON = (
    ".config/molecule/",
    "tests/molecule/",
    "tools/molecule/",
    "tools/box/trust-host.sh",
    "requirements/dev.txt",
)
TAIL_LINES = 40
# The sequence has a check of each.
CHECKED = ("a fresh machine", "a converged machine")
# Molecule passes over a playbook or tests that are not there. What it runs after a failure may be missing.
MISSING = re.compile(r"^\S+ +\[\S+ > (\w+)\] .*(?:Missing playbook|[Nn]o tests found)", re.MULTILINE)
OPTIONAL = {"cleanup"}
_playing = threading.Lock()


@dataclass(frozen=True)
class Scenario:
    """One role's scenario on one system."""

    role: str
    name: str
    system: str

    @property
    def prefix(self) -> str:
        """What its machines' names begin with; the podman of a computer is the same for all checkouts."""
        checkout = hashlib.sha256(str(ROOT.resolve()).encode()).hexdigest()[:6]
        return f"{self.role}-{self.name}-{self.system}-{checkout}".replace("_", "-").replace("debian-", "")

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return engine.CACHE / "logs" / f"{self.prefix}.log"

    def __str__(self) -> str:
        return f"{self.role} {self.name} {self.system}"


@dataclass(frozen=True)
class Result:
    """How a scenario ended: `fault` says what is wrong, or is empty."""

    scenario: Scenario
    seconds: float
    fault: str


def scenarios(role: str | None, name: str | None, system: str | None) -> list[Scenario]:
    """The scenarios that there are, or those asked for. Raises StopError."""
    found = [
        Scenario(folder.parent.parent.parent.name, folder.parent.name, each)
        for folder in sorted(ROLES.glob("*/molecule/*/molecule.yml"))
        for each in engine.SYSTEMS
    ]
    wanted = [
        scenario
        for scenario in found
        if role in (None, scenario.role)
        and name in (None, scenario.name)
        and system in (None, scenario.system)
    ]
    if not wanted:
        stop(
            "there is no such scenario; these are:",
            *sorted({f"{scenario.role} {scenario.name} ({', '.join(engine.SYSTEMS)})" for scenario in found}),
        )
    return wanted


def uses(role: str) -> set[str]:
    """A role and all that it takes in, its scenarios' playbooks included."""
    seen: set[str] = set()
    todo = {role}
    while todo:
        seen |= todo
        text = "".join(path.read_text() for each in todo for path in (ROLES / each).rglob("*.yml"))
        todo = {name for name in re.findall(r"(?:name|role): (\w+)", text) if (ROLES / name).is_dir()} - seen
    return seen


def touched(since: str) -> set[str]:
    """The roles whose tests a change since that commit may change."""
    names = output(["git", "-C", str(ROOT), "diff", "--name-only", since, "--"]).split()
    names += output(["git", "-C", str(ROOT), "ls-files", "--others", "--exclude-standard"]).split()
    roles = {path.name for path in ROLES.iterdir()}
    if any(name.startswith(COMMON) for name in names):
        return roles
    changed = {name.split("/")[1] for name in names if name.startswith("roles/")}
    return {role for role in roles if uses(role) & changed}


def run(scenario: Scenario, image: str, ssh_config: Path) -> Result:
    """Test one scenario from nothing to nothing."""
    began = time.monotonic()
    scenario.log.parent.mkdir(parents=True, exist_ok=True)
    variables = {
        **os.environ,
        **engine.environment(),
        "MOLECULE_ROOT": str(ROOT),
        "MOLECULE_PREFIX": scenario.prefix,
        "MOLECULE_IMAGE": image,
        "MOLECULE_SYSTEM": scenario.system,
        "MOLECULE_SSH_CONFIG": str(ssh_config),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(engine.CACHE / "runs" / scenario.prefix),
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
    }
    command = ["molecule", "test", "--scenario-name", scenario.name]
    with scenario.log.open("w") as log:
        done = subprocess.run(
            command,
            cwd=ROLES / scenario.role,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    text = scenario.log.read_text()
    fault = f"molecule ended with {done.returncode}" if done.returncode else "; ".join(faults(text))
    return Result(scenario, time.monotonic() - began, fault)


def faults(log: str) -> Iterator[str]:
    """What molecule lets pass: steps that are not there, and a check that finds something to change."""
    for step in sorted(set(MISSING.findall(log)) - OPTIONAL):
        yield f"a step of its sequence does not exist: {step}"
    checks = [output for name, output in steps(log) if name == "check"]
    if len(checks) != len(CHECKED):
        yield f"{len(checks)} checks instead of {len(CHECKED)}: {' and '.join(CHECKED)}"
        return
    if re.search(r"changed=[1-9]", checks[-1]):
        yield "--check finds something to change on a converged machine"


def steps(log: str) -> list[tuple[str, str]]:
    """Molecule's steps in their order, each with its output."""
    marks = re.split(r"^\S+ +\[\S+ > (\w+)\] .*Execut(ing|ed.*)$", log, flags=re.MULTILINE)
    return [(marks[at], marks[at + 2]) for at in range(1, len(marks), 3) if marks[at + 1] == "ing"]


def reason(log: str) -> str:
    """The output of the step that failed; the machines are destroyed and the log goes on after it."""
    failed = re.search(r"^\S+ +\[\S+ > (\w+)\] .*Executed: Failed", log, re.MULTILINE)
    found = [output for name, output in steps(log) if failed and name == failed[1]]
    return found[-1] if found else log


def table(results: list[Result]) -> str:
    """Roles, scenarios and systems with seconds, as text."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for result in results:
        seconds = f"{result.seconds:.0f} s" if not result.fault else "FAILED"
        rows.setdefault((result.scenario.role, result.scenario.name), {})[result.scenario.system] = seconds
    lines = [f"{'role':<16}{'scenario':<20}" + "".join(f"{system:>12}" for system in engine.SYSTEMS)]
    for (role, name), seconds_of in sorted(rows.items()):
        lines.append(
            f"{role:<16}{name:<20}"
            + "".join(f"{seconds_of.get(system, '-'):>12}" for system in engine.SYSTEMS)
        )
    return "\n".join(lines)


def test(wanted: list[Scenario], jobs: int) -> list[Result]:
    """Run them, so many at a time, and tell of each when it ends."""
    images = {system: engine.image(system) for system in {scenario.system for scenario in wanted}}
    ssh_config = engine.ssh_config()
    say(f"{len(wanted)} scenarios, {jobs} at a time; their output is in {engine.CACHE / 'logs'}")
    results: list[Result] = []

    def one(scenario: Scenario) -> None:
        result = run(scenario, images[scenario.system], ssh_config)
        with _playing:
            results.append(result)
            state = "ok" if not result.fault else f"FAILED: {result.fault}"
            print(
                f"  {len(results):>2}/{len(wanted)}  {result.seconds:4.0f} s  {scenario}  {state}", flush=True
            )
            if result.fault:
                print(*reason(scenario.log.read_text()).splitlines()[-TAIL_LINES:], sep="\n", flush=True)

    with ThreadPoolExecutor(jobs) as threads:
        list(threads.map(one, wanted))
    return results


def main() -> int:
    """Read the arguments; the exit code is 1 when a scenario failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--role")
    parser.add_argument("--scenario")
    parser.add_argument("--system", choices=engine.SYSTEMS)
    parser.add_argument("--since", metavar="COMMIT", help="only the roles that a change since then touches")
    parser.add_argument(
        "--jobs", type=int, default=max(2, os.cpu_count() or 0), help="how many at a time (one a processor)"
    )
    arguments = parser.parse_args()
    try:
        wanted = scenarios(arguments.role, arguments.scenario, arguments.system)
        if arguments.since:
            roles = touched(arguments.since)
            wanted = [scenario for scenario in wanted if scenario.role in roles]
        if not wanted:
            say(f"nothing since {arguments.since} touches a role")
            return 0
        engine.require()
        began = time.monotonic()
        results = test(wanted, arguments.jobs)
    except StopError as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    failed = sum(bool(result.fault) for result in results)
    print(f"\n{table(results)}\n")
    say(f"{len(results) - failed} passed, {failed} failed, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
