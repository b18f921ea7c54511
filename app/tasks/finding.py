"""The task list's queries in MongoDB's words, and the indexes that answer them."""

from __future__ import annotations

from typing import Any

from pymongo import IndexModel

from app.common.mongo import Document
from app.tasks.fields import PRIORITIES
from app.tasks.paging import Cursor, Sort, field_and_direction
from app.tasks.queries import TaskFilter, TaskQuery


def order_index(field: str) -> list[tuple[str, int]]:
    return [("owner", 1), (field, 1), ("_id", 1)]


# One for each order, which due_at and priority are filtered by too, and one for each other filter. The owner
# is first, so that nobody's list costs more because of others; the id is last, which makes each order total.
INDEXES = [
    *(
        IndexModel(order_index(field))
        for field in ("created_at", "updated_at", "due_at", "priority", "order")
    ),
    *(
        IndexModel([("owner", 1), (field, 1), ("created_at", 1), ("_id", 1)])
        for field in ("completed", "tags")
    ),
    # "none": no language's word stems and stop words, since titles are in any language.
    IndexModel(
        [("owner", 1), ("title", "text"), ("description", "text"), ("tags", "text")],
        default_language="none",
        language_override="_language",
    ),
]


def conditions(owner: str, given: TaskFilter) -> Document:
    """Return the filter of all tasks that a query finds, on whichever page."""
    found: Document = {"owner": owner}
    if given.completed is not None:
        found["completed"] = given.completed
    if given.priority is not None:
        found["priority"] = PRIORITIES.index(given.priority)
    if given.tag:
        found["tags"] = {"$all": sorted(set(given.tag))}
    if given.q is not None:
        # Each word is a phrase: of phrases all must occur, of bare words one would do; `-` is no operator.
        found["$text"] = {"$search": " ".join(f'"{word}"' for word in given.words)}
    due = {"$gte": given.due_after, "$lt": given.due_before}
    if due := {operator: time for operator, time in due.items() if time is not None}:
        found["due_at"] = due
    return found


def order(sort: Sort) -> list[tuple[str, int]]:
    field, direction = field_and_direction(sort)
    return [(field, direction), ("_id", direction)]


def behind(cursor: Cursor) -> Document:
    """Return the filter of what comes after a position. MongoDB compares null with nothing but null."""
    field, direction = field_and_direction(cursor.sort)
    beyond = "$gt" if direction > 0 else "$lt"
    alternatives: list[Document] = [{field: cursor.value, "_id": {beyond: cursor.id}}]
    if cursor.value is not None:
        alternatives.append({field: {beyond: cursor.value}})
        if direction < 0:
            alternatives.append({field: None})
    elif direction > 0:
        alternatives.append({field: {"$ne": None}})
    return {"$or": alternatives}


def page_options(owner: str, query: TaskQuery) -> dict[str, Any]:
    """Return the arguments of `find` for a page and, if there is one, the first task of the next."""
    options: dict[str, Any] = {
        "filter": conditions(owner, query),
        "sort": order(query.sort),
        "limit": query.limit + 1,
    }
    if query.cursor:
        options["filter"] = {"$and": [options["filter"], behind(query.cursor)]}
        if query.q is None:
            # A list that goes on is long: the index of its order is best. Left to itself the planner
            # may take the index of all ids, everybody's, for the tasks that are equal in what is sorted by.
            options["hint"] = order_index(field_and_direction(query.sort)[0])
    return options
