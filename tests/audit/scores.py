"""How much each unit may do: systemd's own score, from 0 (nothing) to 10."""

from __future__ import annotations

from collections.abc import Iterator

from tests.audit.report import Row
from tests.audit.site import Machine, Site
from tests.molecule.sandboxes import OTHERS, OWN, score

GROUP = "Units (systemd-analyze security)"
# By the group of machines that has it.
PROGRAMS = {"gateway": "nginx", "mongodb": "mongod", "redis": "redis-server"}


def rows(site: Site) -> Iterator[Row]:
    for machine in site.machines:
        limits = limits_on(machine)
        words = {
            unit: machine.host.run("systemd-analyze security --no-pager %s", unit).stdout for unit in limits
        }
        site.save(f"{machine.name}.units.txt", "\n".join(words.values()))
        yield scored(machine.name, limits, words)


def limits_on(machine: Machine) -> dict[str, float]:
    """By unit: those of ours that the machine knows, and those of others that it should have."""
    listed = machine.host.check_output(
        "systemctl list-units --type=service --all --plain --no-legend 'taskyard-*'"
    )
    own = [line.split()[0] for line in listed.splitlines()]
    others = [f"{name}.service" for group, name in PROGRAMS.items() if group in machine.groups]
    return dict.fromkeys(own, OWN) | dict.fromkeys(others, OTHERS)


def scored(machine: str, limits: dict[str, float], words: dict[str, str]) -> Row:
    """limits, and what systemd-analyze printed, by unit."""
    scores = {unit: score(words[unit]) for unit in limits}
    wrong = tuple(
        f"{unit} has {'no score' if value is None else value}, not {limits[unit]} at most"
        for unit, value in scores.items()
        if value is None or value > limits[unit]
    )
    if not limits:
        wrong = ("no unit of ours is there",)
    shown = ", ".join(f"{unit.removesuffix('.service')} {value}" for unit, value in scores.items())
    return Row(GROUP, machine, shown, wrong)
