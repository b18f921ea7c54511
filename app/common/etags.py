"""Entity tags and the conditions that clients make with them (RFC 9110, 8.8.3 and 13.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.common.problems import ProblemError

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_find_tags = re.compile(_TAG).findall
_is_list = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*").fullmatch
# For the API's description: what RFC 9110 allows, without its obsolete bytes.
CONDITION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "anyOf": [{"const": "*"}, {"pattern": r'^(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*$'}],
    "examples": ['"1.0f1e2d3c"'],
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What If-Match or If-None-Match names: `any_tag` is `*`; a weak tag begins with `W/`."""

    any_tag: bool
    tags: frozenset[str]

    @classmethod
    def parse(cls, name: str, lines: Sequence[str]) -> Self | None:
        """Read the header's lines, None if there is none. Raises a 400 for what is no list of entity tags."""
        if not lines:
            return None
        value = ", ".join(lines).strip(" \t")
        if value == "*":
            return cls(any_tag=True, tags=frozenset())
        if not _is_list(value):
            raise ProblemError(400, f'{name} must be * or a list of entity tags, such as "a", "b"')
        return cls(any_tag=False, tags=frozenset(_find_tags(value)))

    def holds_weakly(self, etag: str) -> bool:
        """Weak comparison, for If-None-Match: only the opaque part counts."""
        if self.any_tag or etag in self.tags:  # as most are that hold
            return True
        return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in self.tags}

    def holds_strongly(self, etag: str) -> bool:
        """Strong comparison, for If-Match: weak tags are equal to nothing."""
        return self.any_tag or (not etag.startswith("W/") and etag in self.tags)
