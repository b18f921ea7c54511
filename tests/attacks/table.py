"""All attacks, and the table that people read: docs/attacks.md is made from what the tests send."""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks import bodies, framing, paths, queries, slow, spoofing, tokens
from tests.attacks.attack import Attack
from tools.packages import ROOT

CHAPTERS = [
    tokens.CHAPTER,
    framing.CHAPTER,
    paths.CHAPTER,
    spoofing.CHAPTER,
    bodies.CHAPTER,
    queries.CHAPTER,
]
DOCUMENT = ROOT / "docs" / "attacks.md"
_HEAD = """\
# Attacks, and what they get

What an attacker sends to the API, what has to come back, and why that is right. Every row is a test:
`make attacks` sends each request to the gateway (Nginx as it is configured) and, where it matters, straight
to a service, with real databases behind. After each one an honest request is answered, no log has a line that
is no JSON object, and no service has met an error that it did not expect.

Made by `make attacks` from `tests/attacks`; change it there.
"""


def cases() -> Iterator[tuple[str, Attack, str]]:
    """Give each attack once for everybody whom it is sent to, with a name of its own."""
    for chapter in CHAPTERS:
        for attack in chapter.attacks:
            for to in attack.status:
                yield f"{attack.name} - {to}", attack, to


def document() -> str:
    lines = [_HEAD]
    for chapter in CHAPTERS:
        lines += [f"\n## {chapter.title}\n\n{chapter.about}\n", *_rows(chapter.attacks)]
    about = slow.CHAPTER
    lines += [f"\n## {about.title}\n\n{about.about}\n", "| sent | to | answer | why |", "|---|---|---|---|"]
    lines += [_row(proof.sent, proof.to, proof.answer, proof.why) for proof in about.proofs]
    return "\n".join(lines) + "\n"


def _rows(attacks: list[Attack]) -> Iterator[str]:
    yield "| sent | to | answer | why |"
    yield "|---|---|---|---|"
    found: dict[tuple[str, str], dict[str, str]] = {}
    for attack in attacks:
        answers = found.setdefault((attack.sent, attack.why), {})
        answers |= {to: attack.said or str(status) for to, status in attack.status.items()}
    for (sent, why), answers in found.items():
        different = list(dict.fromkeys(answers.values()))
        if len(different) == 1:
            yield _row(sent, ", ".join(answers), different[0], why)
        else:
            yield _row(
                sent, ", ".join(answers), "; ".join(f"{to}: {answer}" for to, answer in answers.items()), why
            )


def _shown(text: str) -> str:
    """What a table can hold: no character that is not seen, and none that ends a cell."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text).replace("|", "\\|")


def _row(*cells: str) -> str:
    return "| " + " | ".join(_shown(cell) for cell in cells) + " |"
