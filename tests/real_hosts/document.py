"""What docs/real-hosts.md tells an operator to type."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "real-hosts.md"


def commands(text: str) -> dict[str, list[str]]:
    """The commands of each section: {"7": ["ansible-playbook …", …], "Afterwards": […]}.

    A section is a step ("**7. See what …"), or what comes below a heading. Only lines of console blocks that
    begin with "$ " are typed; what stands in a sentence is not.
    """
    found: dict[str, list[str]] = {}
    section, typing = "", False
    for line in text.splitlines():
        heading = re.match(r"\*\*(\d+)\. |#+ (.+)|\*\*(.+?)\*\*", line)
        if line.startswith("```"):
            typing = line == "```console"
        elif typing and line.startswith("$ "):
            found.setdefault(section, []).append(line[2:])
        elif heading and not typing:
            section = next(filter(None, heading.groups()))
    return found
