"""An attack: what is sent, to whom, what has to be the answer, and why that is the right one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.api.people import Person
from tests.attacks.targets import AUTH, GATEWAY, TASKS, Target
from tests.attacks.wire import Exchange


@dataclass
class Scene:
    """A user, and a word that nobody else uses: it is looked for where it must not be found."""

    target: Target
    person: Person
    word: str

    def fill(self, text: bytes) -> bytes:
        """Put the scene's own values where the attack has their names."""
        values = {
            b"@TOKEN@": self.person.token,
            b"@USER@": self.person.id,
            b"@WORD@": self.word,
            b"@GATEWAY@": self.target.gateway_url.partition("://")[2],
        }
        for name, value in values.items():
            text = text.replace(name, value.encode())
        return text


def nothing_more(scene: Scene, exchange: Exchange) -> None:
    """The status says it all."""


@dataclass(frozen=True)
class Attack:
    name: str
    sent: str  # for a reader
    request: bytes | Callable[[Scene], bytes]
    status: Mapping[str, int]  # whom it is sent to, and the answer's status there
    why: str
    holds: Callable[[Scene, Exchange], None] = nothing_more
    said: str = ""  # what the answer is beside its status, for a reader
    answers: int = 1  # how many requests it is


@dataclass(frozen=True)
class Chapter:
    title: str
    about: str
    attacks: list[Attack]


@dataclass(frozen=True)
class Proof:
    """An attack that takes more than one request: the named test makes it."""

    name: str
    sent: str
    answer: str
    why: str
    test: str
    to: str = GATEWAY


@dataclass(frozen=True)
class ProofChapter:
    title: str
    about: str
    proofs: list[Proof] = field(default_factory=list)


def everywhere(status: int) -> dict[str, int]:
    return {GATEWAY: status, AUTH: status, TASKS: status}


def gateway(status: int) -> dict[str, int]:
    return {GATEWAY: status}


def both(at_the_gateway: int, at_a_service: int | None = None) -> dict[str, int]:
    """For paths of the task service."""
    return {GATEWAY: at_the_gateway, TASKS: at_a_service or at_the_gateway}


def request(
    line: str, *headers: str, body: bytes = b"", signed_in: bool = True, host: str = "tasks.example.org"
) -> bytes:
    """A request that ends its connection. A body brings its length, unless a header says something else."""
    fields = [f"Host: {host}"] if host else []
    fields += ["Connection: close"] if not any(each.startswith("Connection:") for each in headers) else []
    fields += ["Authorization: Bearer @TOKEN@"] if signed_in else []
    fields += headers
    told = any(each.lower().startswith(("content-length", "transfer-encoding")) for each in headers)
    if body and not told:
        fields.append(f"Content-Length: {len(body)}")
    head = "".join(f"{each}\r\n" for each in [f"{line} HTTP/1.1", *fields])
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + body
