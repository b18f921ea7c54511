"""Audit a running cluster with tools that others wrote, and print one table.

    python -m tests.audit [--env local] [--only tls --only scores ...]

Ends with 1 when anything failed. What the tools said is kept below .cache/audit/<environment>/.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.audit import baselines, code, inside, lynis, matrix, rights, scores, secret_search, ssh, tls, wire
from tests.audit.report import Row, table
from tests.audit.site import Site, meet
from tools.cluster.shell import StopError
from tools.debian import require_program
from tools.packages import ROOT
from tools.smoke import SmokeError

# The search for secrets is the last one: what the others left behind is searched, too.
CHECKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (tls, inside, matrix, scores, ssh, lynis, baselines, code, wire, rights, secret_search)
}
# Programs that a check starts here, and Debian's packages that have them.
PROGRAMS = {"tls": ("testssl", "testssl.sh"), "matrix": ("nmap", "nmap")}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="local", help="the inventory's folder (default: local)")
    parser.add_argument("--only", action="append", choices=CHECKS, help="this check alone, or these")
    arguments = parser.parse_args()
    wanted = arguments.only or list(CHECKS)
    reports = ROOT / ".cache" / "audit" / arguments.env
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True, mode=0o700)
    try:
        for name in wanted:
            if name in PROGRAMS:
                require_program(*PROGRAMS[name])
        say(f"asking the machines of inventory/{arguments.env} who they are")
        site = meet(arguments.env, reports)
    except (StopError, SmokeError, OSError) as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1
    rows = [row for name in wanted for row in checked(site, name)]
    text = table(rows)
    site.save("table.txt", f"{text}\n")
    failed = sum(row.outcome == "FAILED" for row in rows)
    sys.stdout.write(f"\n{text}\n\n")
    if left_out := [name for name in CHECKS if name not in wanted]:
        say(f"left out, as you said: {', '.join(left_out)}")
    say(f"{len(rows)} rows, {failed} FAILED; what the tools said is in {reports.relative_to(ROOT)}/")
    return 1 if failed else 0


def checked(site: Site, name: str) -> list[Row]:
    """The rows of a check; one that crashed has failed."""
    module = CHECKS[name]
    say(f"{module.GROUP} ...")
    began = time.monotonic()
    with output_to(site.reports / f"{name}.output.txt"):
        rows = list(surely(module.rows(site), module.GROUP))
    counted = ", ".join(f"{row.check} {row.outcome}" for row in rows if row.outcome == "FAILED") or "done"
    say(f"  {counted}, {time.monotonic() - began:.0f} s")
    return rows


def surely(rows: Iterable[Row], group: str) -> Iterator[Row]:
    """The rows, and one more that is FAILED when they end in an error, or when there is none."""
    came = False
    try:
        for row in rows:
            came = True
            yield row
    except Exception as error:  # noqa: BLE001 - a check that crashed has failed, whatever it was
        traceback.print_exc(file=sys.stdout)
        yield Row(group, "the check itself", "it crashed", (f"{type(error).__name__}: {error}",))
    else:
        if not came:
            yield Row(group, "the check itself", "nothing came of it", ("it has no row",))


@contextmanager
def output_to(file: Path) -> Iterator[None]:
    """Everything that this process and its children print goes into a file meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    with file.open("w") as into:
        os.dup2(into.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def say(text: str) -> None:
    sys.stdout.write(f"taskyard: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
