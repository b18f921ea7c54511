"""Judge what `mutmut run` left: every mutant is killed by a test, or it is explained why none can do that.

`python -m tools.mutants` prints a table. It fails on a survivor that tests/surviving_mutants.toml does not
explain, and on an explanation whose mutant does not survive (any more). Numbers of mutants shift with every
change of the code, so a mutant is known by its function, the line that was and the line it became.

mutmut forks an interpreter with threads for each mutant, and now and then one of those dies, whatever the
mutant: that tells nothing of the tests, so such a mutant is tried once more.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from tools.packages import ROOT

EXPLANATIONS = ROOT / "tests" / "surviving_mutants.toml"
# One that hangs would be noticed; but on a busy computer one that is the same may take too long as well: they
# are told apart from those that a test has killed.
_TOO_LONG = "timeout"
_CRASHED = "segfault"


class Mutant(NamedTuple):
    function: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.function}\n    was     = '''{self.was}'''\n    becomes = '''{self.becomes}'''"


class Tested(NamedTuple):
    module: str
    survivor: Mutant | None  # nobody, if a test failed
    status: str

    def verdict(self, known: set[Mutant]) -> str:
        if self.survivor in known:
            return "explained"
        if self.survivor is None:
            return "killed"
        return "too long" if self.status == _TOO_LONG else "unexplained"


def ended() -> Iterator[tuple[Path, str, str]]:
    """Each mutant's file, its name and how its tests ended."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, exit_code in data.exit_code_by_key.items():
            yield path, name, status_by_exit_code[exit_code]


def tested() -> Iterator[Tested]:
    for path, name, status in ended():
        survivor = None
        if status != "killed":
            survivor = identified(name, get_diff_for_mutant(name, path=path).splitlines()[2:])
        yield Tested(str(path), survivor, status)


def identified(name: str, diff: list[str]) -> Mutant:
    """Tell who that is. Names are `app.keys.x_read__mutmut_1` or `app.keys.xǁKeysǁread__mutmut_1`."""
    module, _, function = name.partition("__mutmut_")[0].rpartition(".")
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    was, becomes = (" ".join(line[1:].strip() for line in diff if line[0] == sign) for sign in "-+")
    return Mutant(f"{module}.{function}", was, becomes)


def explained() -> set[Mutant]:
    groups = tomllib.loads(EXPLANATIONS.read_text(encoding="utf-8")).get("explained", [])
    return {Mutant(**each) for group in groups for each in group["mutants"]}


def table(results: Iterable[Tested], known: set[Mutant]) -> Iterator[str]:
    columns = ("mutants", "killed", "too long", "explained", "unexplained")
    rows: dict[str, Counter[str]] = {"all": Counter()}
    for result in results:
        for counted in (result.module, "all"):
            rows.setdefault(counted, Counter()).update({"mutants": 1, result.verdict(known): 1})
    rows["all"] = rows.pop("all")  # last
    yield f"{'':30}" + "".join(f"{column:>13}" for column in columns)
    for module, row in rows.items():
        yield f"{module:30}" + "".join(f"{row[column]:13}" for column in columns)


def main() -> int:
    if crashed := [name for _, name, status in ended() if status == _CRASHED]:
        subprocess.run(["mutmut", "run", *crashed], check=True)
    results, known = list(tested()), explained()
    print("\n".join(table(results, known)))
    unexplained = [result for result in results if result.verdict(known) == "unexplained"]
    for result in unexplained:
        print(f"\nunexplained ({result.status}): {result.survivor}")
    stale = known - {result.survivor for result in results}
    for mutant in sorted(stale):
        print(f"\nexplained, but it does not survive: {mutant}")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
