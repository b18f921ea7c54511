"""What molecule lets pass is a fault; a change tests the roles that it touches, and those that use them."""

import pytest

from tools.molecule.__main__ import ROLES, Result, Scenario, faults, reason, scenarios, steps, table, uses


def log(*executed: tuple[str, str, str]) -> str:
    """As molecule writes it: of each step its name, its output and how it ended."""
    return "".join(
        f"INFO     [default > {step}] Executing\n{output}\n"
        f"{level(end)}     [default > {step}] Executed: {end}\n"
        for step, output, end in executed
    )


def level(end: str) -> str:
    return {"Successful": "INFO", "Failed": "ERROR"}.get(end, "WARNING")


def recap(changed: int) -> str:
    return f"nginx-default-12-a : ok=9 changed={changed} unreachable=0 failed=0"


FRESH = ("check", recap(7), "Successful")
CONVERGED = ("check", recap(0), "Successful")
SIDE_EFFECT = ("side_effect", recap(1), "Successful")


def test_a_log_without_a_fault_has_none() -> None:
    text = log(
        ("create", "", "Successful"), FRESH, ("converge", recap(7), "Successful"), CONVERGED, SIDE_EFFECT
    )
    assert list(faults(text)) == []
    assert [step for step, _ in steps(text)] == ["create", "check", "converge", "check", "side_effect"]


def test_a_step_that_molecule_passed_over_is_a_fault() -> None:
    missing = "Missing playbook (Remove from test_sequence to suppress)"
    assert list(faults(log(FRESH, CONVERGED, ("side_effect", "", missing)))) == [
        "a step of its sequence does not exist: side_effect"
    ]
    untested = "WARNING  [default > verify] Skipping, no tests found."
    assert list(faults(log(FRESH, CONVERGED, ("verify", untested, "Successful")))) == [
        "a step of its sequence does not exist: verify"
    ]


def test_a_clean_up_may_be_missing() -> None:
    assert list(faults(log(FRESH, CONVERGED, ("cleanup", "", "Missing playbook")))) == []


def test_a_check_that_would_change_a_converged_machine_is_a_fault() -> None:
    (fault,) = faults(log(FRESH, ("check", recap(2), "Successful")))
    assert "change on a converged machine" in fault


@pytest.mark.parametrize("checks", [[], [CONVERGED], [FRESH, CONVERGED, CONVERGED]])
def test_a_sequence_without_its_two_checks_is_a_fault(checks: list[tuple[str, str, str]]) -> None:
    (fault,) = faults(log(*checks))
    assert fault.startswith(f"{len(checks)} checks instead of 2")


def test_the_reason_of_a_failure_is_the_output_of_the_step_that_failed() -> None:
    text = log(FRESH, ("converge", "it broke here", "Failed"), ("destroy", "all is gone", "Successful"))
    assert "it broke here" in reason(text)
    assert "all is gone" not in reason(text)


def test_a_change_of_a_role_tests_those_that_take_it_in() -> None:
    assert {"preflight", "unit_refresh"} <= uses("redis")
    assert {"app_service", "unit_refresh"} & uses("task_service")
    assert "mongodb" not in uses("nginx")


def test_each_role_has_a_default_scenario_that_is_run_on_both_systems() -> None:
    found = scenarios(None, "default", None)
    assert {each.system for each in found} == {"debian-12", "debian-13"}
    assert {each.role for each in found} == {path.name for path in ROLES.iterdir()}


def test_the_table_has_a_row_for_each_scenario_and_a_column_for_each_system() -> None:
    rows = table(
        [
            Result(Scenario("nginx", "default", "debian-12"), 61.4, ""),
            Result(Scenario("nginx", "default", "debian-13"), 70.0, "it broke"),
            Result(Scenario("nginx", "upstreams", "debian-13"), 99.6, ""),
        ]
    ).splitlines()
    assert rows[1].split() == ["nginx", "default", "61", "s", "FAILED"]
    assert rows[2].split() == ["nginx", "upstreams", "-", "100", "s"]
