"""`make cost`: what TLS and the sandbox cost a running cluster, on the path of a cached list.

    python -m tests.cost [--env local] [--rounds 3]

Every server on that path is started again for every measurement, so nobody else should use the cluster
meanwhile. Afterwards it is as it was, with an empty cache; also after Ctrl-C. It takes about ten minutes and
writes docs/cost-of-security.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import httpx

from tests.bench.computer import client, processor
from tests.cost import load
from tests.cost.bench import Bench, versions
from tests.cost.measure import rounds
from tests.cost.table import document
from tools import smoke
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError, say
from tools.debian import require_program
from tools.packages import ROOT

DOCUMENT = ROOT / "docs" / "cost-of-security.md"


def main() -> int:
    """Measure, print and write; 0 when it could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="local", help="the inventory's folder (default: local)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each variant is measured (default: 3)"
    )
    options = parser.parse_args()
    try:
        require_program("wrk", "wrk")
        bench = Bench(Cluster(options.env), smoke.Cluster.from_inventory(options.env))
        samples, size = rounds(bench, options.rounds)
        conditions = [
            f"Computer: {processor()}; all machines of the cluster and the client are on it.",
            f"Versions: {', '.join(versions(bench))}, {client()}.",
            f"Load: {load.CONNECTIONS} connections that stay, {load.SECONDS} s each time.",
            f"A list of {load.TASKS} tasks, {size} bytes; {bench.gateway.task_instances} task instances.",
            f"{options.rounds} rounds: each has every variant once, and begins with another one.",
        ]
    except KeyboardInterrupt:
        print("taskyard: ended; the cluster is as it was", file=sys.stderr)
        return 130
    except (StopError, smoke.SmokeError, httpx.TransportError, subprocess.SubprocessError) as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    page = document(samples, conditions)
    DOCUMENT.write_text(page, encoding="utf-8")
    print(f"\n{page}")
    say(f"written to {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
