"""Many clients at once: for each person some that write, each its own tasks, and more that read the lists.

All of them live in one event loop, so that one clock says what came before what.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.history.checker import Checker
from tests.history.client import Answer, Client, RequestError

PEOPLE, WRITERS, READERS = 6, 2, 4  # writers and readers for each person
TASKS_OF_A_WRITER = 3
CONDITIONAL = 0.3  # of the reads ask whether what they know is still right
# A person with so many tasks of unknown outcome, which stay for ever, makes room for a new one.
_MAX_UNKNOWN = 12
_FORGET_EVERY_SECONDS = 5.0
_AFTER_AN_ERROR_SECONDS = 0.05
_BETWEEN_WRITES_SECONDS = 0.8  # so that lists are hit, too
_EXPLICABLE = {0, 502, 503, 504}  # no answer, and what the gateway or an instance say of what is away
_MAX_EXAMPLES = 20
_AVAILABLE_AGAIN = 300.0  # longest wait at the end, when nothing is broken any more

# Tells whether a request that began then and ends now may remain without a good answer.
Explain = Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """A list to ask for, and which numbers it shows; `whole` if all of it is on one page."""

    text: str
    shows: Callable[[int], bool] = lambda _: True
    whole: bool = True


# A task's number is in its `order`; odd ones are `completed`.
QUERIES = [
    Query(""),
    Query(""),  # the one that everybody asks for
    Query("completed=true", lambda number: number % 2 == 1),
    Query("completed=false&sort=-updated_at", lambda number: number % 2 == 0),
    Query("sort=order&limit=200"),
    Query("limit=2", whole=False),
]
_NEXT = re.compile(rb'<[^>]*(/tasks\?[^>]*)>; rel="next"')


@dataclass(frozen=True, slots=True)
class _Known:
    """What a list was when it was seen last."""

    etag: bytes
    seen: dict[str, int]


@dataclass
class Tally:
    operations: int = 0
    reads: Counter[str] = field(default_factory=Counter)  # by X-Cache
    not_modified: int = 0  # reads among them whose answer was "still the same" (304)
    writes: int = 0
    unknown: int = 0
    refused_reads: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    slowest_write: float = 0.0  # seconds

    def failed(self, what: str, status: int) -> None:
        """Count an answer that nothing explains."""
        self.violations["failed"] += 1
        if self.violations["failed"] <= _MAX_EXAMPLES:
            self.examples.append(f"{what} {status}")

    def add_verdict(self, checker: Checker) -> None:
        self.violations.update(checker.found)
        self.examples += [str(example) for example in checker.examples]


class Person:
    """One user, her clients, and the history of her tasks."""

    def __init__(self, urls: list[str], token: str, tally: Tally, explain: Explain) -> None:
        self.checker = Checker()
        self._explain = explain
        self._urls = urls
        self._gateway = urls[-1]
        self._token = token
        self._tally = tally
        self._reading: set[float] = set()  # when the reads under way began
        self._known: dict[str, _Known] = {}  # by path
        self._unknown = 0
        self._names = 0

    @property
    def worn_out(self) -> bool:
        return self._unknown > _MAX_UNKNOWN

    async def live(self, stopped: Callable[[], bool]) -> None:
        """Write and read until told to stop, or until there are too many unknown outcomes."""

        def done() -> bool:
            return stopped() or self.worn_out

        async with asyncio.TaskGroup() as clients:
            for _ in range(WRITERS):
                clients.create_task(self._write(done))
            for _ in range(READERS):
                clients.create_task(self._read(done))
            clients.create_task(self._forget(done))

    async def finish(self) -> None:
        """Nothing is broken any more: every instance has to give the right list, every one of its queries."""
        give_up = time.monotonic() + _AVAILABLE_AGAIN
        for url in self._urls:
            async with self._client(url) as client:
                for query in QUERIES * 2:
                    self._known.clear()
                    while not await self._read_all(client, url, query):
                        assert time.monotonic() < give_up, f"{url} does not answer any more"
                        await asyncio.sleep(_AFTER_AN_ERROR_SECONDS)
        self._tally.add_verdict(self.checker)

    async def _read(self, done: Callable[[], bool]) -> None:
        async with self._clients() as clients:
            while not done():
                url = random.choice(self._urls)
                if not await self._read_all(clients[url], url, random.choice(QUERIES)):
                    await asyncio.sleep(_AFTER_AN_ERROR_SECONDS)

    async def _read_all(self, client: Client, url: str, query: Query) -> bool:
        """Read a list page by page, each page an operation of its own. Returns whether all were answered."""
        path: str | None = f"/tasks?{query.text}" if query.text else "/tasks"
        while path is not None:
            answer = await self._read_once(client, url, path, query)
            if answer is None:
                return False
            goes_on = _NEXT.search(answer.headers[b"link"])
            path = goes_on.group(1).decode() if goes_on else None
        return True

    async def _read_once(self, client: Client, url: str, path: str, query: Query) -> Answer | None:
        began = time.monotonic()
        self._reading.add(began)
        try:
            known = self._known.get(path) if random.random() < CONDITIONAL else None
            answer = await client.request("GET", path, unless=known.etag if known else None)
        except RequestError:
            answer = Answer()
        self._reading.discard(began)
        ended = time.monotonic()
        if known and answer.status == 304:
            seen = known.seen
        elif answer.status == 200:
            seen = {task["title"]: task["order"] for task in orjson.loads(answer.body)}
            self._known[path] = _Known(answer.headers[b"etag"], seen)
        else:
            self._tally.refused_reads += 1
            self._check_failure(answer, began, f"GET {url}{path}")
            return None
        outcome = answer.headers[b"x-cache"].decode()
        where = f"{url}{path} {answer.status} {outcome} {answer.headers[b'x-served-by'].decode()}"
        self.checker.read(seen, began, ended, where, query.shows, whole=query.whole)
        self._tally.operations += 1
        self._tally.reads[outcome] += 1
        self._tally.not_modified += answer.status == 304
        return answer

    async def _write(self, done: Callable[[], bool]) -> None:
        """Create, change and delete tasks of its own, one after the other."""
        tasks: dict[str, str] = {}  # title -> path
        async with self._clients() as clients:
            while not done():
                await asyncio.sleep(random.uniform(0, _BETWEEN_WRITES_SECONDS))
                client = clients[random.choice(self._urls)]
                if len(tasks) < TASKS_OF_A_WRITER and (not tasks or random.random() < 0.3):
                    self._names += 1
                    title = f"t{self._names}"
                    answer = await self._write_once(client, "POST", "/tasks", title)
                    if answer:
                        tasks[title] = "/tasks/" + orjson.loads(answer.body)["id"]
                    continue
                title = random.choice(list(tasks))
                method = "DELETE" if random.random() < 0.15 else "PATCH"
                answer = await self._write_once(client, method, tasks[title], title)
                if answer is None or method == "DELETE":
                    del tasks[title]

    async def _write_once(self, client: Client, method: str, path: str, title: str) -> Answer | None:
        """Return nothing when the outcome is unknown: the task is not written again."""
        number = self.checker.write_begins(title, deletes=method == "DELETE")
        fields: dict[str, Any] = {"order": number, "completed": number % 2 == 1}
        if method == "POST":
            fields["title"] = title
        body = b"" if method == "DELETE" else orjson.dumps(fields)
        began = time.monotonic()
        try:
            answer = await client.request(method, path, body)
        except RequestError:
            answer = Answer()
        ended = time.monotonic()
        self._tally.operations += 1
        # The gateway sends a DELETE again when an instance has died, which may have done it before.
        twice = method == "DELETE" and client.url == self._gateway and self._explain(began)
        if answer.status in {200, 201, 204} or (answer.status == 404 and twice):
            self.checker.write_acknowledged(title, ended)
            self._tally.writes += 1
            self._tally.slowest_write = max(self._tally.slowest_write, ended - began)
            return answer
        what = f"{method} {client.url}{path}"
        if answer.status == 404 and method != "POST":
            self.checker.vanished(title, began, ended, what)
        else:
            self._check_failure(answer, began, what)
        self._tally.unknown += 1
        self._unknown += 1
        await asyncio.sleep(_AFTER_AN_ERROR_SECONDS)
        return None

    def _check_failure(self, answer: Answer, began: float, what: str) -> None:
        if answer.status not in _EXPLICABLE or not self._explain(began):
            self._tally.failed(what, answer.status)

    async def _forget(self, done: Callable[[], bool]) -> None:
        while not done():
            await asyncio.sleep(_FORGET_EVERY_SECONDS)
            self.checker.forget(min(self._reading, default=time.monotonic()))

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[dict[str, Client]]:
        clients = {url: Client(url, self._token) for url in self._urls}
        try:
            yield clients
        finally:
            for client in clients.values():
                client.close()

    @asynccontextmanager
    async def _client(self, url: str) -> AsyncIterator[Client]:
        async with self._clients() as clients:
            yield clients[url]


async def run(
    urls: list[str],
    new_token: Callable[[], str],
    tally: Tally,
    operations: int,
    *,
    healed: asyncio.Event,
    explain: Explain,
) -> None:
    """Let PEOPLE live at once until there were so many operations; judge what is left when all is well.

    The last of the addresses is the gateway's.
    """

    def stopped() -> bool:
        return tally.operations >= operations

    last: list[Person] = []

    async def one_after_the_other() -> None:
        while not stopped():
            person = Person(urls, new_token(), tally, explain)
            await person.live(stopped)
            if stopped():
                last.append(person)
            else:
                tally.add_verdict(person.checker)

    async with asyncio.TaskGroup() as people:
        for _ in range(PEOPLE):
            people.create_task(one_after_the_other())
    await healed.wait()
    for person in last:
        await person.finish()
