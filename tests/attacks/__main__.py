"""Write docs/attacks.md; with --check, say whether it is what it should be."""

from __future__ import annotations

import sys

from tests.attacks.table import DOCUMENT, document


def main() -> int:
    made = document()
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(made, encoding="utf-8")
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == made:
        return 0
    sys.stdout.write(f"{DOCUMENT.name} is not what tests/attacks has: .venv/bin/python -m tests.attacks\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
