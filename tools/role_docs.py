"""Make what is derived from a role's description of its options (``meta/argument_specs.yml``).

``defaults/main.yml`` is made from it, and the tables of options in ``README.md``: one fact, one place.

    python -m tools.role_docs            writes them (`make docs`)
    python -m tools.role_docs --check    says what differs, for `make lint`
"""

import argparse
import difflib
import io
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tools.packages import ROOT

ROLES = ROOT / "roles"
WIDTH = 120
BEGIN, END = "<!-- options: made by `make docs` -->\n", "<!-- end of the options -->\n"

Options = dict[str, dict[str, Any]]


class DocsError(Exception):
    """What is made cannot be put where it belongs; the message says why."""


def options_of(role: Path) -> Options:
    """The description of each option of the role's main entry point, by name."""
    specs = YAML(typ="safe").load(role / "meta" / "argument_specs.yml")
    return specs["argument_specs"]["main"].get("options") or {}


def sentences(option: dict[str, Any]) -> str:
    """An option's description, one sentence or several, in one string."""
    said = option["description"]
    return said if isinstance(said, str) else " ".join(said)


def defaults(options: Options) -> str:
    """``defaults/main.yml``: each option below its description. One that is required has no default."""
    text = io.StringIO()
    text.write("---\n# Made from meta/argument_specs.yml by `make docs`. Set options in the inventory.\n")
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    for name, option in options.items():
        if "default" in option:
            text.write("\n")
            text.write(textwrap.indent(textwrap.fill(sentences(option), WIDTH - 2), "# ") + "\n")
            yaml.dump({name: option["default"]}, text)
    return text.getvalue()


def cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def tables(options: Options, path: str = "") -> str:
    """The options as a Markdown table, then those within them as tables of their own."""
    lines = ["| option | what it says | type | default |", "|---|---|---|---|"]
    for name, option in options.items():
        said = sentences(option)
        if "choices" in option:
            said += f" One of `{'`, `'.join(option['choices'])}`."
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        default = option.get("default")
        shown = default if isinstance(default, str) else json.dumps(default)
        shown = (
            "**required**"
            if option.get("required")
            else f"`{shown}`"
            if shown not in ("", "null")
            else "(empty)"
        )
        lines.append(f"| `{name}` | {cell(said)} | {kind} | {cell(shown)} |")
    text = "\n".join(lines) + "\n"
    for name, option in options.items():
        if "options" in option:
            place = f"{path}{name}"
            text += f"\nEach of `{place}` has:\n\n" + tables(option["options"], f"{place}.")
    return text


def made(role: Path) -> dict[Path, str]:
    """What the role's files have to be, by path. Raises DocsError."""
    options = options_of(role)
    readme = role / "README.md"
    head, begin, rest = readme.read_text().partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise DocsError(f"{readme.relative_to(ROOT)} needs the lines {BEGIN.strip()} and {END.strip()}")
    inside = tables(options) if options else "It has none.\n"
    files = {readme: f"{head}{BEGIN}\n{inside}\n{END}{tail}"}
    if any("default" in option for option in options.values()):
        files[role / "defaults" / "main.yml"] = defaults(options)
    return files


def difference(path: Path, expected: str) -> list[str]:
    """Lines of a diff from what is there to what is expected."""
    is_there = path.read_text() if path.exists() else ""
    label = str(path.relative_to(ROOT))
    return list(
        difflib.unified_diff(
            is_there.splitlines(), expected.splitlines(), label, f"{label} (made)", lineterm="", n=1
        )
    )


def main() -> int:
    """Write the files, or print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    found: list[str] = []
    try:
        for role in sorted(path for path in ROLES.iterdir() if path.is_dir()):
            for path, expected in made(role).items():
                if arguments.check:
                    found += difference(path, expected)
                else:
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(expected)
    except (DocsError, FileNotFoundError) as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    if found:
        print(*found, sep="\n")
        print("\nA role's options are described in its meta/argument_specs.yml; the rest is made: make docs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
