"""What `make audit` reads in the output of tools that others wrote: clean, and with something to say."""

from __future__ import annotations

from typing import Any

import bson
import pytest

from tests.audit import baselines, code, inside, lynis, matrix, rights, scores, ssh, tls
from tests.audit.report import Row
from tests.baselines import controls
from tools import scan

COMPARED = """
 COMPLIANCE AGAINST TLS CONFIGURATION
 ------------------------------------

    Checking results against Mozilla's "intermediate" configuration. See …

"""
COMPLIANT = COMPARED + "    192.168.56.10:443: OK - Compliant.\n"
DEVIATING = f"""{COMPARED}    127.0.0.1:443: FAILED - Not compliant.
        * maximum_certificate_lifespan: Certificate life span is 1000 days, should be less than 366.
        * tls_versions: TLS versions {{'TLSv1', 'TLSv1.1'}} are supported, but should be rejected.
"""


def outcome(row: Row) -> tuple[str, int]:
    return row.outcome, len(row.wrong)


@pytest.mark.parametrize(
    ("said", "expected"),
    [(COMPLIANT, ("passed", 0)), (DEVIATING, ("FAILED", 2)), (COMPARED, ("FAILED", 1)), ("", ("FAILED", 1))],
)
def test_sslyze_compares_or_has_failed(said: str, expected: tuple[str, int]) -> None:
    assert outcome(tls.compliance(said)) == expected


def sslyze(*, verified: bool, in_order: bool = True) -> dict[str, Any]:
    said = {
        "trust_store": {"name": "Supplied CA file"},
        "was_validation_successful": verified,
        "validation_error": "no",
    }
    others = {
        "trust_store": {"name": "Mozilla"},
        "was_validation_successful": False,
        "validation_error": "no",
    }
    chain = {"path_validation_results": [others, said], "received_chain_has_valid_order": in_order}
    found = {"certificate_info": {"result": {"certificate_deployments": [chain]}}}
    return {"server_scan_results": [{"scan_status": "COMPLETED", "scan_result": found}]}


def test_the_certificate_is_verified_with_the_clusters_own_authority() -> None:
    assert outcome(tls.validation(sslyze(verified=True), tls.OURS)) == ("passed", 0)
    assert outcome(tls.validation(sslyze(verified=True, in_order=False), tls.OURS)) == ("FAILED", 1)
    assert outcome(tls.validation(sslyze(verified=False), tls.OURS)) == ("FAILED", 1)
    assert outcome(tls.validation(sslyze(verified=True), tls.PUBLIC)) == ("FAILED", 1)


def found(name: str, severity: str) -> dict[str, str]:
    return {"id": name, "ip": "10.0.0.1/10.0.0.1", "port": "443", "severity": severity, "finding": "it is so"}


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([found("TLS1_3", "OK"), found("BREACH", "LOW")], ("passed", 0)),
        ([found("cert_revocation", "HIGH")], ("waived", 0)),
        ([found("cert_revocation", "HIGH"), found("TLS1", "MEDIUM")], ("FAILED", 1)),
        ([found("ROBOT", "CRITICAL"), found("heartbleed", "WARN")], ("FAILED", 1)),
        ([found("heartbleed", "WARN")], ("not checked", 0)),
        ([found("sessionresumption_ticket", "WARN")], ("waived", 0)),
        ([found("engine_problem", "WARN")], ("waived", 0)),
        ([found("new", "A SEVERITY THAT WE DO NOT KNOW")], ("FAILED", 1)),
    ],
)
def test_testssl_finds_nothing_of_medium_or_above(
    findings: list[dict[str, str]], expected: tuple[str, int]
) -> None:
    waivers = tls.WAIVERS | tls.WAIVERS_OF_OUR_OWN_AUTHORITY
    assert outcome(tls.severities([*findings, found("scanTime", "INFO")], waivers)) == expected
    assert tls.severities(findings, waivers).outcome == "FAILED", "it has not come to its end"


def test_every_server_shows_a_certificate() -> None:
    said = "  - 'mongodb: 364 days, until 2027-11-26, of Us'\n  - 'redis: 40 days, until 2027-01-05, of Us'\n"
    assert inside.certificates(said, 2).result == "2, good for 40 days at least"
    assert outcome(inside.certificates(said, 2)) == ("passed", 0)
    assert outcome(inside.certificates(said, 3)) == ("FAILED", 1)
    assert outcome(inside.certificates("", 3)) == ("FAILED", 1)


def test_what_is_said_in_the_clear_is_refused_by_silence_or_an_alert() -> None:
    assert inside.is_refusal(b"")
    assert inside.is_refusal(bytes.fromhex("15030300020246"))
    assert not inside.is_refusal(b"-NOAUTH Authentication required.\r\n")
    assert not inside.is_refusal(inside.message({"ok": 1}))


def test_who_has_not_signed_in_is_told_so() -> None:
    assert inside.is_for_accounts(b"-NOAUTH Authentication required.\r\n")
    assert inside.is_for_accounts(inside.message({"ok": 0.0, "code": 13, "codeName": "Unauthorized"}))
    assert not inside.is_for_accounts(b":3\r\n")
    assert not inside.is_for_accounts(inside.message({"databases": [], "ok": 1.0}))
    assert not inside.is_for_accounts(b"")


def test_a_message_is_one_of_mongodbs() -> None:
    made = inside.message({"ping": 1})
    assert int.from_bytes(made[:4], "little") == len(made)
    assert bson.decode(made[21:]) == {"ping": 1}


def test_pairs_that_differ_and_machines_without_a_firewall_have_failed() -> None:
    right = scan.Row("app1", "data1", frozenset({22}), scan.Found(frozenset({22})))
    wrong = scan.Row("app1", "gateway1", frozenset({22}), scan.Found(frozenset({22, 80})))
    assert outcome(matrix.pairs([right], 1)) == ("passed", 0)
    assert matrix.pairs([right, wrong], 2).result == "1 of 2 pairs as the inventory implies"
    assert outcome(matrix.pairs([right, wrong], 2)) == ("FAILED", 1)
    assert outcome(matrix.pairs([right], 3)) == ("FAILED", 1)
    assert outcome(matrix.pairs([], 3)) == ("FAILED", 1)


def exposure(unit: str, value: str) -> str:
    return f"  NAME  DESCRIPTION  EXPOSURE\n\n→ Overall exposure level for {unit}: {value} OK 🙂\n"


def test_a_unit_has_the_score_that_it_may_have() -> None:
    limits = {"nginx.service": 3.5, "taskyard-auth@8001.service": 2.0}
    words = {"nginx.service": exposure("nginx.service", "3.5"), "taskyard-auth@8001.service": ""}
    own = exposure("taskyard-auth@8001.service", "1.2")
    row = scores.scored("a", limits, words | {"taskyard-auth@8001.service": own})
    assert (row.outcome, row.result) == ("passed", "nginx 3.5, taskyard-auth@8001 1.2")
    above = exposure("taskyard-auth@8001.service", "2.1")
    assert outcome(scores.scored("a", limits, words | {"taskyard-auth@8001.service": above})) == ("FAILED", 1)
    assert outcome(scores.scored("a", limits, words)) == ("FAILED", 1)
    assert outcome(scores.scored("a", {}, {})) == ("FAILED", 1)


def sshd(*notes: str, level: str = "warn") -> dict[str, Any]:
    kex = [{"algorithm": "curve25519-sha256", "notes": {level: list(notes)} if notes else {}}]
    clean = [{"algorithm": "x", "notes": {"info": ["available since OpenSSH 6.2"]}}]
    return {"kex": kex, "key": clean, "enc": clean, "mac": clean}


def test_what_older_clients_need_is_waived_where_they_are_let_in_alone() -> None:
    legacy = sshd("does not provide protection against post-quantum attacks")
    assert outcome(ssh.judged("a", sshd(), has_legacy_clients=False)) == ("passed", 0)
    assert outcome(ssh.judged("a", legacy, has_legacy_clients=True)) == ("waived", 0)
    assert outcome(ssh.judged("a", legacy, has_legacy_clients=False)) == ("FAILED", 1)
    broken = sshd("using broken SHA-1 hash algorithm", level="fail")
    assert outcome(ssh.judged("a", broken, has_legacy_clients=True)) == ("FAILED", 1)


LYNIS = "suggestion[]=SSH-7408|Consider hardening SSH configuration|MaxSessions|-|\nhardening_index=69\n"


def test_each_warning_of_lynis_is_waived_or_a_failure() -> None:
    row = lynis.judged("a", LYNIS)
    assert (row.outcome, row.result) == ("passed", "index 69, 0 warnings, 1 suggestions")
    mongodb = "warning[]=DBS-1820|MongoDB instance allows any user to access databases|-|-|\n"
    assert outcome(lynis.judged("a", mongodb + LYNIS)) == ("waived", 0)
    warning = "warning[]=NETW-2705|Couldn't find 2 responsive nameservers|-|-|\n"
    row = lynis.judged("a", warning + LYNIS)
    assert row.wrong == ("NETW-2705: Couldn't find 2 responsive nameservers",)
    assert outcome(lynis.judged("a", "")) == ("FAILED", 1)


def test_a_control_that_failed_fails_its_baseline() -> None:
    passed = controls.Row("os-01", "Right", "passed")
    waived = controls.Row("os-02", "Wanted so", "waived", "It is wanted so.")
    failed = controls.Row("os-03", "Wrong", "failed", "it is")
    assert outcome(baselines.judged("linux", [passed])) == ("passed", 0)
    row = baselines.judged("linux", [passed, waived])
    assert (row.outcome, row.result) == ("waived", "1 passed, 1 waived, 0 failed")
    assert row.waived == (("os-02", "It is wanted so."),)
    assert outcome(baselines.judged("linux", [passed, waived, failed])) == ("FAILED", 1)
    assert outcome(baselines.judged("linux", [waived])) == ("FAILED", 1)


def test_gixys_findings_are_decided_or_failures() -> None:
    assert outcome(code.of_gixy("gixy", {"host_spoofing": "proxy_set_header Host $http_host;"})) == (
        "waived",
        0,
    )
    assert outcome(code.of_gixy("gixy", {"http_splitting": "return 301 $uri;"})) == ("FAILED", 1)


def test_bandit_has_read_something_and_found_nothing() -> None:
    finding = {"filename": "app/x.py", "line_number": 3, "test_id": "B324"}
    metrics = {"_totals": {"loc": 8744}}
    clean = {"results": [], "errors": [], "metrics": metrics}
    assert outcome(code.of_bandit(clean)) == ("passed", 0)
    assert code.of_bandit(clean | {"results": [finding]}).wrong == ("app/x.py:3 B324",)
    assert outcome(code.of_bandit(clean | {"metrics": {"_totals": {"loc": 0}}})) == ("FAILED", 1)


def test_pins_that_nobody_could_look_up_are_not_called_good() -> None:
    clean: dict[str, Any] = {"name": "a", "version": "1", "vulns": []}
    holed = clean | {"vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
    unknown = {"name": "b", "skip_reason": "not found"}
    assert outcome(code.of_pins("app.txt", [clean])) == ("passed", 0)
    assert outcome(code.of_pins("app.txt", [clean, unknown])) == ("not checked", 0)
    assert outcome(code.of_pins("app.txt", "no connection")) == ("not checked", 0)
    assert outcome(code.of_pins("app.txt", [holed, unknown])) == ("FAILED", 1)


def test_a_right_that_a_service_should_not_have_is_named() -> None:
    good = '<testcase name="test_a_service_may_not[one]"/>'
    bad = '<testcase name="test_a_service_may_not[two]"><failure message="assert 0 == 13"/></testcase>'
    form = "<testsuites><testsuite>{}</testsuite></testsuites>"
    assert outcome(rights.judged(form.format(good))) == ("passed", 0)
    assert rights.judged(form.format(good + bad)).wrong == ("test_a_service_may_not[two]",)
    assert outcome(rights.judged(form.format(""))) == ("FAILED", 1)
