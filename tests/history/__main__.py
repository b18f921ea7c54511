"""Does a list ever lie? Many clients, several instances, faults; every operation judged.

    python -m tests.history [--operations 1000000] [--naive] [--no-faults]

Ends with 1 if any read was older than a write acknowledged before it began, any acknowledged write was lost,
or any deleted task was seen again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.history.report import print_report
from tests.history.session import Session

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.history", description=__doc__.splitlines()[0])
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--naive", action="store_true", help="the usual cache instead: it must be caught")
    parser.add_argument("--no-faults", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="taskyard-history-"))
    try:
        session = Session(folder, naive=chosen.naive)
        uvloop.run(session.run(chosen.operations, faults=not chosen.no_faults))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_report(session)
    sys.exit(1 if session.tally.violations else 0)
