"""The closing table of a run."""

from __future__ import annotations

from tests.history.session import Session

VERDICTS = ("stale", "lost", "resurrected", "phantom", "failed")


def print_report(session: Session) -> None:
    tally = session.tally
    for example in tally.examples:
        print(example)
    rows = [
        ("operations", tally.operations),
        *((f"reads {outcome}", count) for outcome, count in sorted(tally.reads.items())),
        ("reads answered 304", tally.not_modified),
        ("reads refused", tally.refused_reads),
        ("writes acknowledged", tally.writes),
        ("writes unknown", tally.unknown),
        *((f"fault: {name}", count) for name, count in sorted(session.faults.happened.items())),
        *((verdict, tally.violations[verdict]) for verdict in VERDICTS),
        ("slowest write, s", f"{tally.slowest_write:.2f}"),
        ("seconds", f"{session.seconds:.0f}"),
    ]
    for name, value in rows:
        print(f"{name:<28}{value:>12}")
