"""`make advisories`: which of the pins in requirements/*.txt have holes that are known (pip-audit)?

    python -m tools.advisories

Only a finding is a failure. Pins that could not be looked up are named: of them nobody has said anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.packages import ROOT

REQUIREMENTS = ROOT / "requirements"
_SHOWN = 5


def main() -> int:
    found, unknown = [], 0
    for file in sorted(REQUIREMENTS.glob("*.txt")):
        answer = ask(file)
        name = str(file.relative_to(ROOT))
        if isinstance(answer, str):
            print(f"{name}: NOT CHECKED. pip-audit says: {answer}")
            unknown += 1
            continue
        holes, left_out, checked = list(findings(answer)), list(not_checked(answer)), len(answer)
        print(f"{name}: {checked - len(left_out)} of {checked} pins looked up, {len(holes)} known holes")
        print(*(f"  {hole}" for hole in holes), sep="\n", end="\n" if holes else "")
        if left_out:
            more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
            print(f"  NOT CHECKED, PyPI's advisories do not answer for: {', '.join(left_out[:_SHOWN])}{more}")
        found += holes
        unknown += len(left_out)
    if unknown:
        print(
            "Not all could be checked, so this says nothing about the rest. Ask again where pypi.org answers."
        )
    return 1 if found else 0


def ask(requirements: Path) -> list[dict[str, Any]] | str:
    """Return what pip-audit has for each pin, or in one line why it has nothing."""
    command = [
        *(str(Path(sys.executable).with_name("pip-audit")), "--requirement", str(requirements)),
        *("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        pins: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"nothing ({done.returncode})"
    return pins


def findings(pins: list[dict[str, Any]]) -> Iterator[str]:
    for pin in pins:
        for hole in pin.get("vulns", []):
            mended = (
                f"mended in {', '.join(hole['fix_versions'])}" if hole["fix_versions"] else "not mended yet"
            )
            yield f"{pin['name']} {pin['version']}: {hole['id']} ({mended})"


def not_checked(pins: list[dict[str, Any]]) -> Iterator[str]:
    for pin in pins:
        if "skip_reason" in pin:
            yield str(pin["name"])


if __name__ == "__main__":
    sys.exit(main())
