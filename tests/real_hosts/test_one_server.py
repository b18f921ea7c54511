"""Everything on one server; the first run is killed twice on its way.

The tests of a module are steps of one story, in this order. `make real-hosts` runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.machines import recap
from tests.real_hosts import walk
from tests.real_hosts.operator_at_work import Operator, at_work
from tests.real_hosts.spreads import on_one

# Between the database's first start and its users, and in the middle of an installation by apt.
MOMENTS = (r"TASK \[mongodb : Make the administrator", r"TASK \[redis : Install the package")


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with at_work(on_one("debian-12")) as somebody:
        yield somebody


def test_nothing_is_in_the_way_of_a_bare_server(operator: Operator) -> None:
    walk.get_ready(operator)


def test_sudo_asked_for_the_password_at_the_terminal(operator: Operator) -> None:
    assert operator.terminal.asked == len(operator.steps["4"] + operator.steps["5"] + operator.steps["6"])


def test_a_check_of_a_fresh_server_ends_well_and_changes_nothing(operator: Operator) -> None:
    walk.look_first(operator)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_is_killed(operator: Operator, moment: str) -> None:
    assert "failed=" not in operator.terminal.kill_at(operator.command("7", 1), moment)


def test_a_plain_run_goes_on_where_the_killed_one_was(operator: Operator) -> None:
    walk.set_up(operator)


def test_the_cluster_serves_and_there_is_nothing_left_to_change(operator: Operator) -> None:
    walk.find_it_done(operator)


def test_a_group_that_is_misspelt_is_named_before_any_server_is_asked(operator: Operator) -> None:
    tree = operator.tree()
    tree["children"]["task_servce"] = tree["children"].pop("task_service")
    operator.edit(tree)
    status, text = operator.terminal.attempt(operator.command("Afterwards"))
    assert status != 0
    said = " ".join(text.split())
    assert "no machine in the group task_service." in said
    assert "groups that nothing uses: task_servce. Is one of them misspelt?" in said
    assert {row["ok"] for row in recap(text).values()} == {0}


def test_an_inventory_that_is_not_there_is_an_error(operator: Operator) -> None:
    status, _ = operator.terminal.attempt(
        operator.command("Afterwards").replace("inventory/production", "inventory/prodution")
    )
    assert status != 0
