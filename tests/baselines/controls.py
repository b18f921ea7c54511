"""What the baselines have in common: controls, waivers, and the rows that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from testinfra.host import Host

Check = Callable[[Host], Iterable[str]]


@dataclass(frozen=True)
class Control:
    """A question to a machine; its answer is what is wrong there."""

    id: str
    title: str
    check: Check


@dataclass(frozen=True)
class Row:
    """What came of a control: its reason is why it is waived, or what is wrong."""

    id: str
    title: str
    outcome: Literal["passed", "waived", "failed"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.id:<12}{self.outcome:<8}{self.title}" + (f": {self.reason}" if self.reason else "")


class Baseline:
    """Controls in their order, and the reasons for which some of them are waived."""

    def __init__(
        self, waivers: Mapping[str, str], container_waivers: Mapping[str, str] | None = None
    ) -> None:
        """A waiver is for a control, by its id, or for what begins so of what is wrong ("os-10 vfat").

        container_waivers are for machines that are containers; there, a key is the beginning of ids.
        """
        self.controls: list[Control] = []
        self.waivers = waivers
        self.container_waivers = container_waivers or {}

    def control(self, name: str, title: str) -> Callable[[Check], Check]:
        """Make a control of a function that yields what is wrong."""

        def take(check: Check) -> Check:
            self.controls.append(Control(name, title, check))
            return check

        return take

    def rows(self, machine: Host) -> Iterator[Row]:
        """A row for each control. What passes is passed, also where it was waived."""
        waivers = dict(self.waivers)
        if machine.run("systemd-detect-virt --quiet --container").rc == 0:
            for control in self.controls:
                for beginning, reason in self.container_waivers.items():
                    if control.id.startswith(beginning):
                        waivers.setdefault(control.id, reason)
        for control in self.controls:
            wrong = list(control.check(machine))
            reasons = [reason_for(f"{control.id} {each}", waivers) for each in wrong]
            if not wrong:
                yield Row(control.id, control.title, "passed")
            elif all(reasons):
                yield Row(control.id, control.title, "waived", " ".join(dict.fromkeys(reasons)))
            else:
                found = [each for each, reason in zip(wrong, reasons, strict=True) if not reason]
                yield Row(control.id, control.title, "failed", "; ".join(found))


def reason_for(wrong: str, waivers: Mapping[str, str]) -> str:
    """Why this ("os-10 vfat can be loaded") stays; empty where nobody has given a reason."""
    for key, reason in waivers.items():
        if wrong.startswith(key if " " in key else f"{key} "):
            return reason
    return ""


def lines(machine: Host, command: str, *arguments: str) -> list[str]:
    """What a command prints, line by line; how it ends does not matter."""
    return str(machine.run(command, *arguments).stdout).splitlines()


def differing(found: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    """The settings that have none of the wanted values (separated by "|")."""
    for name, values in wanted.items():
        value = found.get(name, "nothing")
        if value not in values.split("|"):
            yield f"{name} is {value}, not {' or '.join(values.split('|'))}"


def mode_problems(
    machine: Host, path: str, forbidden: int, *, group: str = "root", optional: bool = False
) -> Iterator[str]:
    """What is wrong with a file's owner, its group, and its mode, which has none of the forbidden bits."""
    said = lines(machine, "stat --format='%%U %%G %%a' %s", path)
    if not said:
        if not optional:
            yield f"{path} is not there"
        return
    owner, its_group, mode = said[0].split()
    if (owner, its_group) != ("root", group):
        yield f"{path} belongs to {owner}:{its_group}"
    if int(mode, 8) & forbidden:
        yield f"{path} has the mode {mode}"
