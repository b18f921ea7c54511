"""Which tasks a query finds, in which order, and which queries are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.people import Person

TASKS: list[dict[str, Any]] = [
    {"title": "a", "priority": "high", "tags": ["home"], "due_at": "2030-01-01T00:00:00Z", "order": 2},
    {"title": "b", "priority": "low", "tags": ["home", "garden"], "completed": True},
    {"title": "c", "description": "Grüße an Zoë, re: co-op", "due_at": "2030-01-02T00:00:00Z", "order": -1},
    {"title": "d milk", "tags": ["a,b", "Ä"], "due_at": "2030-01-01T12:00:00Z", "priority": "high"},
    {"title": "e cart milk", "completed": True, "order": 2},
]
ALL = "abcde"


@pytest.fixture
def lister(anna: Person) -> Person:
    answer = anna.gateway.post("/tasks/bulk", json=TASKS)
    assert answer.status_code == 201, answer.text
    return anna


def found(person: Person, query: dict[str, Any]) -> str:
    answer = person.gateway.get("/tasks", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Total-Count"] == str(len(answer.json()))
    return "".join(task["title"][0] for task in answer.json())


def test_filters_find_what_they_name_and_nothing_else(lister: Person) -> None:
    queries: list[tuple[dict[str, Any], str]] = [
        ({}, ALL),
        ({"completed": "true"}, "be"),
        ({"completed": "false"}, "acd"),
        ({"priority": "high"}, "ad"),
        ({"priority": "normal"}, "ce"),
        ({"tag": "home"}, "ab"),
        ({"tag": ["garden", "home"]}, "b"),
        ({"tag": ["home", "a,b"]}, ""),
        ({"tag": "a,b"}, "d"),
        ({"tag": "Ä"}, "d"),
        ({"tag": "ä"}, ""),
        ({"due_after": "2030-01-01T12:00:00Z"}, "cd"),
        ({"due_before": "2030-01-01T12:00:00Z"}, "a"),
        ({"due_after": "2030-01-01T00:00:00Z", "due_before": "2030-01-02T01:00:00+01:00"}, "ad"),
        ({"completed": "false", "priority": "high", "tag": "home", "due_after": "2029-01-01T00:00:00Z"}, "a"),
    ]
    for query, expected in queries:
        assert found(lister, query) == expected, query


def test_search_finds_words_wherever_they_stand(lister: Person) -> None:
    queries = [
        ("milk", "de"),
        ("MILK", "de"),
        ("mil", ""),
        ("milk cart", "e"),
        ("garden", "b"),
        ("grusse zoe", ""),
        ("GRÜSSE", ""),
        ("grüße zoë", "c"),
        ("zoe", "c"),
        ("co-op", "c"),
        ("-milk", "de"),
        ('"milk', "de"),
        ('milk -"cart"', "e"),
        ("milk nothing", ""),
        ("$where", ""),
        ("--", ""),
    ]
    for words, expected in queries:
        assert found(lister, {"q": words}) == expected, words
    assert found(lister, {"q": "milk", "completed": "false", "sort": "-due_at"}) == "d"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created_at", "abcde"),
        ("-created_at", "edcba"),
        ("updated_at", "abcde"),
        ("due_at", "beadc"),
        ("-due_at", "cdaeb"),
        ("priority", "bcead"),
        ("-priority", "daecb"),
        ("order", "bdcae"),
        ("-order", "eacdb"),
    ],
)
def test_tasks_without_a_value_come_first_and_equal_ones_in_the_order_of_their_ids(
    lister: Person, sort: str, expected: str
) -> None:
    assert found(lister, {"sort": sort}) == expected


def test_a_change_moves_a_task_to_the_end_of_what_was_updated(lister: Person) -> None:
    first = lister.gateway.get("/tasks").json()[0]
    lister.gateway.patch(first["url"], json={"order": 1})
    assert found(lister, {"sort": "updated_at"}) == "bcdea"


def test_equal_queries_share_an_entry_of_the_cache(lister: Person) -> None:
    for query, outcome in (
        ("?tag=home&tag=garden&completed=true", "MISS"),
        ("?completed=true&tag=garden&tag=home&sort=created_at&limit=100", "HIT"),
        ("?completed=true&tag=garden", "MISS"),
    ):
        assert lister.gateway.get(f"/tasks{query}").headers["X-Cache"] == outcome


def test_a_write_drops_every_query(lister: Person) -> None:
    assert found(lister, {"completed": "true"}) == "be"
    assert found(lister, {"q": "milk"}) == "de"
    lister.add("f milk", completed=True)
    assert found(lister, {"completed": "true"}) == "bef"
    assert found(lister, {"q": "milk"}) == "def"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("completed=yes", "completed"),
        ("completed=1", "completed"),
        ("completed=", "completed"),
        ("completed=true&completed=true", "completed"),
        ("priority=urgent", "priority"),
        ("priority=2", "priority"),
        ("tag=", "tag/0"),
        ("tag=a%00b", "tag/0"),
        ("tag=" + "x" * 51, "tag/0"),
        ("&".join(f"tag={number}" for number in range(21)), "tag"),
        ("due_after=2030-01-01", "due_after"),
        ("due_after=2030-02-30T00:00:00Z", "due_after"),
        ("due_before=1900000000", "due_before"),
        ("due_before=2030-01-01T00:00:00", "due_before"),
        ("due_before=2030-01-01T00:00:00Z&due_before=2031-01-01T00:00:00Z", "due_before"),
        ("q=", "q"),
        ("q=%20", "q"),
        ("q=a%00", "q"),
        ("q=" + "x" * 201, "q"),
        ("sort=title", "sort"),
        ("sort=", "sort"),
        ("sort=+order", "sort"),
        ("sort[$gt]=1", "sort[$gt]"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=201", "limit"),
        ("limit=1.0", "limit"),
        ("limit=%201", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=" + "A" * 5000, "cursor"),
        ("complete=true", "complete"),
        ("page=2", "page"),
    ],
)
def test_a_query_that_is_not_understood_is_refused_and_says_where(
    anna: Person, query: str, pointer: str
) -> None:
    answer = anna.gateway.get(f"/tasks?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {error["pointer"] for error in answer.json()["errors"]} == {f"/query/{pointer}"}


@pytest.mark.parametrize("query", ["tag=%ff", "%ff=1", "tag=a%c3", "tag=%ed%a0%80"])
def test_a_query_that_is_no_utf8_is_refused(lister: Person, query: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"completed": True}), ("DELETE", None)):
        answer = lister.gateway.request(method, f"/tasks?{query}", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query")


def test_a_long_query_is_understood_as_a_short_one_is(lister: Person) -> None:
    assert found(lister, {"q": " " * 2000 + "milk"}) == found(lister, {"q": "milk"})


def test_a_list_is_not_cleared_by_a_filter_that_is_none(lister: Person) -> None:
    answer = lister.gateway.delete("/tasks", params={"completed": "true"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/completed"
    assert found(lister, {}) == ALL
