"""Query strings: operators, endless expressions, numbers without measure, and cursors of one's own making."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from bson import ObjectId

from app.tasks.paging import Cursor
from tests.attacks.attack import Attack, Chapter, Scene, both, gateway, nothing_more, request
from tests.attacks.wire import Exchange

_UNKNOWN = "a parameter that does not exist is a mistake, never an operator"
_NOT_MADE_HERE = "no page of ours has such a cursor"


def _empty(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].json() == []


def _query(query: str, why: str, status: int = 422, *, sent: str = "", method: str = "GET") -> Attack:
    made = request(f"{method} /tasks?{query}")
    holds = _empty if status == HTTPStatus.OK else nothing_more
    return Attack(sent or query, sent or f"`{method} /tasks?{query}`", made, both(status), why, holds)


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _cursor(name: str, text: str) -> Attack:
    return _query(f"cursor={_encoded(text)}", _NOT_MADE_HERE, sent=f"A cursor that holds {name}")


def _with_cursor(make: Callable[[Scene], str]) -> Callable[[Scene], bytes]:
    return lambda scene: scene.fill(request(f"GET /tasks?cursor={make(scene)}"))


def _of_somebody_else(scene: Scene) -> str:
    """The very position in front of which somebody else's tasks are."""
    return Cursor("order", -5, ObjectId("000000000000000000000000")).encode()


CHAPTER = Chapter(
    "Query strings",
    "Each is answered within two seconds.",
    [
        *(
            _query(query, _UNKNOWN)
            for query in (
                "q[$ne]=x",
                "q[$regex]=.*",
                "completed[$ne]=true",
                "$where=sleep(9e9)",
                "owner=x",
                "limit[]=1",
                "__proto__[x]=1",
                "filter={}",
                "sort[$gt]=",
            )
        ),
        *(
            _query(
                "q=" + quote(words, safe=""),
                "`q` is words for an index, no expression is ever compiled",
                200,
                sent=f"`q={words}`",
            )
            for words in ("(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", ".*.*.*.*x", '"', '\\"$where', "-a")
        ),
        _query("q=" + "%22" * 200, "200 quotes are no words", 200, sent="`q` of 200 quotes"),
        _query("q=" + "a%20" * 99 + "a", "each word counts once", 200, sent="`q` of 100 words"),
        _query("q=" + "a" * 201, "200 characters are enough", sent="`q` of 201 characters"),
        _query("q=%00", "NUL is no word"),
        _query("q=%ff%fe", "that is no UTF-8"),
        _query("q=%ed%a0%80", "half a character is none"),
        _query("q=a&q=b", "which of two counts, two readers may see in two ways"),
        *(
            _query(f"limit={limit}", "1 to 200, in digits")
            for limit in ("-1", "0", "201", "1e2", "0x10", "1.0", "%2b1", "%D9%A1", "9223372036854775808")
        ),
        _query("limit=" + "9" * 5000, "1 to 200, in digits", sent="`limit` of 5000 digits"),
        _query("sort=$natural", "orders are named, not built"),
        _query("sort=_id", "orders are named, not built"),
        _query("completed=1", "true or false"),
        _query("due_after=9999-99-99T99:99:99Z", "that is no time"),
        _query("due_before=1e400", "that is no time"),
        _query("&".join(f"tag=t{number}" for number in range(800)), "20 tags are enough", sent="800 tags"),
        _query("&".join(f"p{number}" for number in range(1300)), _UNKNOWN, sent="1300 parameters"),
        _query("&" * 8000, "nothing, 8000 times, is nothing", 200, sent="8000 `&`"),
        _query("%", "a sign that begins no encoding stands for itself: it is an unknown name"),
        _query("cursor=" + "A" * 201, _NOT_MADE_HERE, sent="A cursor of 201 characters"),
        _query("cursor=%00", _NOT_MADE_HERE),
        _query("cursor=..%2f..%2f", _NOT_MADE_HERE),
        _cursor("an operator", '["created_at",{"$gt":""},"000000000000000000000000"]'),
        _cursor("another field", '["owner",0,"000000000000000000000000"]'),
        _cursor("a number without measure", '["order",99999999999999999999,"000000000000000000000000"]'),
        _cursor("no id", '["order",1,{"$ne":null}]'),
        _cursor("truth for a number", '["order",true,"000000000000000000000000"]'),
        _cursor("four things", '["order",1,"000000000000000000000000",1]'),
        _cursor("many brackets", "[" * 140),
        Attack(
            "another order's cursor",
            "A cursor of another order",
            _with_cursor(_of_somebody_else),
            both(422),
            "a position is one of its own order",
        ),
        Attack(
            "a cursor in front of all",
            "A cursor made up, with `sort=order`: in front of everybody's tasks",
            lambda scene: scene.fill(request(f"GET /tasks?sort=order&cursor={_of_somebody_else(scene)}")),
            both(200),
            "a cursor is a place within one's own list, whoever wrote it",
            _empty,
        ),
        _query(
            "limit=1",
            "what is cleared is the whole list: a filter that were overlooked would do harm",
            method="DELETE",
        ),
        Attack(
            "a method in the query",
            "`GET /tasks?_method=DELETE`",
            request("GET /tasks?_method=DELETE"),
            gateway(422),
            _UNKNOWN,
        ),
        Attack(
            "an id that is an operator",
            "`GET /tasks/[$ne]`",
            request("GET /tasks/[$ne]"),
            both(404),
            "no task has that id",
        ),
        Attack(
            "an id that is code",
            "`GET /tasks/';sleep(9e9);'`",
            request("GET /tasks/';sleep(9e9);'"),
            both(404),
            "no task has that id",
        ),
        Attack(
            "somebody else's id",
            "`GET /tasks/<a task of somebody else>`",
            lambda scene: scene.fill(request(f"GET /tasks/{_task_of_another(scene)}")),
            both(404),
            "to others it does not exist: not even 403 tells that it does",
        ),
    ],
)


def _task_of_another(scene: Scene) -> str:
    other = scene.target.people.new()
    identity: str = other.add("theirs")["id"]
    other.close()
    return identity
