"""Pages: together they are the whole list, whatever happens in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.tasks.fields import PRIORITIES
from app.tasks.paging import Sort
from tests.api.people import People, Person
from tools.local_stack import LocalStack

NEXT = re.compile(r'<([^<>]*)>; rel="next"')
# Few values each, so that many tasks are equal in what they are sorted by.
TASK = st.fixed_dictionaries(
    {
        "title": st.just("x"),
        "due_at": st.sampled_from([None, "2030-01-01T00:00:00Z", "2030-01-01T00:00:00.001Z"]),
        "priority": st.sampled_from(PRIORITIES),
        "order": st.sampled_from([None, -(2**53) + 1, 0, 2**53 - 1]),
        "completed": st.booleans(),
    }
)
# A failure is told as it was found: making it smaller would take minutes.
SETTINGS = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LISTS = st.lists(TASK, min_size=1, max_size=10)


def pages(
    person: Person, query: dict[str, Any], between: Callable[[int], None] = lambda _: None
) -> list[list[dict[str, Any]]]:
    """Follow the links to the end; `between` is called before each page after the first."""
    answer = person.gateway.get("/tasks", params=query)
    found = [content(answer)]
    while following := NEXT.search(answer.headers["Link"]):
        between(len(found))
        answer = person.gateway.get(following.group(1))
        found.append(content(answer))
    return found


def content(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    tasks: list[dict[str, Any]] = answer.json()
    return tasks


def expected(tasks: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    field = sort.removeprefix("-")

    def position(task: dict[str, Any]) -> tuple[bool, Any, str]:
        value = task[field]
        if field == "priority":
            value = PRIORITIES.index(value)
        elif field.endswith("_at") and value is not None:
            value = datetime.fromisoformat(value).timestamp()
        return value is not None, value if value is not None else 0, task["id"]

    return sorted(tasks, key=position, reverse=sort.startswith("-"))


def made(person: Person, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = person.gateway.post("/tasks/bulk", json=tasks)
    assert answer.status_code == 201, answer.text
    made: list[dict[str, Any]] = answer.json()
    return made


@settings(SETTINGS, max_examples=8)
@given(tasks=LISTS, limit=st.integers(1, 11))
def test_the_pages_are_the_whole_list_without_gaps_and_repeats(
    people: People, tasks: list[dict[str, Any]], limit: int
) -> None:
    person = people.new()
    all_tasks = made(person, tasks)
    for sort in get_args(Sort):
        for completed in (None, True):
            wanted = [task for task in all_tasks if completed is None or task["completed"]]
            query = {"sort": sort, "limit": limit} | ({"completed": "true"} if completed else {})
            found = pages(person, query)
            assert [task for page in found for task in page] == expected(wanted, sort)
            assert all(len(page) == limit for page in found[:-1])
            assert len(found) == max(1, -(-len(wanted) // limit))
    person.close()


@settings(SETTINGS, max_examples=5)
@given(tasks=LISTS, data=st.data())
def test_tasks_that_come_and_go_change_nothing_for_those_that_stay(
    people: People, tasks: list[dict[str, Any]], data: st.DataObject
) -> None:
    person = people.new()
    for sort in get_args(Sort):
        person.gateway.delete("/tasks")
        all_tasks = made(person, tasks)
        gone: set[str] = set()

        def between(page: int, tasks: list[dict[str, Any]] = all_tasks, gone: set[str] = gone) -> None:
            person.gateway.post("/tasks", json=data.draw(TASK))
            leaving = data.draw(st.sampled_from(tasks))
            person.gateway.delete(leaving["url"])
            gone.add(leaving["id"])

        found = [task["id"] for page in pages(person, {"sort": sort, "limit": 3}, between) for task in page]
        staying = [task["id"] for task in expected(all_tasks, sort) if task["id"] not in gone]
        assert [identity for identity in found if identity in staying] == staying
        assert len(set(found)) == len(found)
    person.close()


def test_a_page_says_where_the_list_begins_and_goes_on_and_how_long_it_is(
    stack: LocalStack, anna: Person
) -> None:
    made(anna, [{"title": str(number), "tags": ["a&b"]} for number in range(5)])
    list_url = f"{stack.gateway_url}/tasks"
    query = {"tag": "a&b", "limit": "2", "sort": "-created_at"}
    titles = []
    url, begins = f"{list_url}?{httpx.QueryParams(query)}", f"{list_url}?tag=a%26b&sort=-created_at&limit=2"
    for _ in range(2):
        answer = anna.gateway.get(url)
        assert answer.headers["X-Total-Count"] == "5"
        assert answer.headers["Link"].startswith(f'<{begins}>; rel="first", <{begins}&cursor=')
        titles += [task["title"] for task in answer.json()]
        following = NEXT.search(answer.headers["Link"])
        assert following
        url = following.group(1)
    answer = anna.gateway.get(url)
    assert answer.headers["Link"] == f'<{begins}>; rel="first"'
    assert answer.headers["X-Total-Count"] == "5"
    assert [*titles, *(task["title"] for task in answer.json())] == ["4", "3", "2", "1", "0"]


def test_an_empty_list_is_one_page(stack: LocalStack, anna: Person) -> None:
    answer = anna.gateway.get("/tasks")
    assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "0")
    assert answer.headers["Link"] == f'<{stack.gateway_url}/tasks>; rel="first"'


def test_pages_come_from_the_cache_as_they_went_in(anna: Person) -> None:
    made(anna, [{"title": str(number)} for number in range(3)])
    for query in ("limit=2", "limit=2&sort=-order"):
        miss, hit = (anna.gateway.get(f"/tasks?{query}") for _ in range(2))
        assert (miss.headers["X-Cache"], hit.headers["X-Cache"]) == ("MISS", "HIT")
        assert miss.content == hit.content
        for name in ("ETag", "Link", "X-Total-Count"):
            assert miss.headers[name] == hit.headers[name]


def test_a_page_has_a_hundred_tasks_unless_the_query_says_otherwise_and_200_at_most(anna: Person) -> None:
    made(anna, [{"title": str(number)} for number in range(201)])
    assert [len(page) for page in pages(anna, {})] == [100, 100, 1]
    assert [len(page) for page in pages(anna, {"limit": 200})] == [200, 1]


def test_a_cursor_belongs_to_its_order(anna: Person) -> None:
    made(anna, [{"title": str(number)} for number in range(2)])
    following = NEXT.search(anna.gateway.get("/tasks?limit=1").headers["Link"])
    assert following
    answer = anna.gateway.get(following.group(1) + "&sort=-created_at")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/query/cursor"


def test_anothers_cursor_opens_nothing(anna: Person, ben: Person) -> None:
    made(anna, [{"title": "private"} for _ in range(2)])
    following = NEXT.search(anna.gateway.get("/tasks?limit=1").headers["Link"])
    assert following
    assert ben.gateway.get(following.group(1)).json() == []


@pytest.mark.parametrize("letter", ["x", "🎉"])
def test_the_longest_query_that_the_gateway_takes_is_answered(anna: Person, letter: str) -> None:
    made(anna, [{"title": "x"}] * 2)
    tags = [letter * 49 + str(number % 10) for number in range(20 if letter == "x" else 9)]
    answer = anna.gateway.get("/tasks", params={"q": letter * 200, "tag": tags})
    assert answer.status_code == 200, answer.text
