"""TLS at the gateway, as sslyze and testssl.sh see it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.audit.report import Row, sorted_out
from tests.audit.site import Site
from tools.cluster.shell import StopError
from tools.packages import ROOT

GROUP = "TLS at the gateway"
ENVIRONMENT = ROOT / ".cache" / "audit-venv"
# How sslyze calls the authority that it is given, and one that is asked when there is none.
OURS, PUBLIC = "Supplied CA file", "Mozilla"
HARMLESS, UNKNOWN = {"OK", "INFO", "LOW", "DEBUG"}, "WARN"
# By testssl.sh's id.
WAIVERS = {
    "engine_problem": (
        "It is about this computer's OpenSSL, which has no GOST ciphers; all others are asked for without it."
    ),
    "sessionresumption_ticket": (
        "Its client (openssl s_client without input) goes before TLS 1.3's ticket comes, and then has none to"
        " resume with. Either answer is nothing but information; tickets are off (ssl_session_tickets)."
    ),
}
WAIVERS_OF_OUR_OWN_AUTHORITY = {
    "cert_revocation": (
        "The cluster's own authority publishes no list of revoked certificates and answers no questions about"
        " them: its certificates are believed by clients of this cluster alone, and for a year at most."
    ),
}


def rows(site: Site) -> Iterator[Row]:
    if not site.cluster.url.startswith("https:"):
        yield Row(GROUP, "TLS", "", not_checked="the gateway speaks HTTP (nginx_tls: false)")
        return
    yield from sslyze_rows(site)
    yield testssl_row(site)


def address(url: str) -> str:
    """ "tasks.example.org:443"."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"


def sslyze_rows(site: Site) -> Iterator[Row]:
    subprocess.run(
        [ROOT / "tools" / "venv.sh", ENVIRONMENT.relative_to(ROOT), "python3", "audit"], cwd=ROOT, check=True
    )
    raw = site.reports / "sslyze.json"
    trusted = ["--certinfo_ca_file", str(site.authority)] if site.authority else []
    command = [*(str(ENVIRONMENT / "bin" / "python"), "-W", "ignore", "-m", "sslyze"), "--certinfo", *trusted]
    command += ["--mozilla_config", "intermediate", "--json_out", str(raw), address(site.cluster.url)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    site.save("sslyze.txt", done.stdout + done.stderr)
    yield compliance(done.stdout)
    yield validation(json.loads(raw.read_text()), OURS if site.authority else PUBLIC)


def compliance(said: str) -> Row:
    """What sslyze has to say after "Checking results against"."""
    _, _, judged = said.partition("Checking results against Mozilla's")
    lines = [line.strip() for line in judged.splitlines()[1:] if line.strip()]
    wrong = tuple(line.removeprefix("* ") for line in lines if line.startswith("* "))
    if not wrong and not any(line.endswith("OK - Compliant.") for line in lines):
        wrong = ("sslyze has not compared it: see sslyze.txt",)
    return Row(GROUP, "sslyze, Mozilla's intermediate", f"{len(wrong)} deviations", wrong)


def validation(report: dict[str, Any], store: str) -> Row:
    """Whether the certificate is verified with this store, and its chain is in order."""
    wrong = []
    (server,) = report["server_scan_results"]
    if server["scan_status"] != "COMPLETED":
        raise StopError(f"sslyze could not connect: {server['connectivity_status']}")
    chains = server["scan_result"]["certificate_info"]["result"]["certificate_deployments"]
    for chain in chains:
        (said,) = [each for each in chain["path_validation_results"] if each["trust_store"]["name"] == store]
        if not said["was_validation_successful"]:
            wrong.append(f"not verified with {store}: {said['validation_error']}")
        if not chain["received_chain_has_valid_order"]:
            wrong.append("the chain is not in order")
    if not chains:
        wrong.append("no certificate was shown")
    return Row(GROUP, "sslyze, certificate verified", f"{len(chains)} chains", tuple(wrong))


def testssl_row(site: Site) -> Row:
    raw = site.reports / "testssl.json"
    raw.unlink(missing_ok=True)
    trusted = ["--add-ca", str(site.authority)] if site.authority else []
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min", *trusted]
    command += ["--jsonfile", str(raw), f"https://{address(site.cluster.url)}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "TERM": "dumb"}
    )
    site.save("testssl.txt", done.stdout + done.stderr)
    waivers = WAIVERS | (WAIVERS_OF_OUR_OWN_AUTHORITY if site.authority else {})
    return severities(json.loads(raw.read_text()), waivers)


def severities(findings: list[dict[str, str]], waivers: dict[str, str]) -> Row:
    """What testssl.sh found that is worse than LOW; what it could not find out (WARN) is not checked."""
    told = [
        (each["id"], f"{each['id']} ({each['severity']}): {each['finding']}", each["severity"] == UNKNOWN)
        for each in findings
        if each["severity"] not in HARMLESS
    ]
    wrong, waived = sorted_out(((name, said) for name, said, unknown in told if not unknown), waivers)
    open_ones, waived_ones = sorted_out(((name, said) for name, said, unknown in told if unknown), waivers)
    if "scanTime" not in {each["id"] for each in findings}:
        wrong += ("testssl.sh has not come to its end: see testssl.txt",)
    above = sum(not unknown for _, _, unknown in told)
    counted = f"{len(findings)} findings, {above} of MEDIUM or above"
    return Row(GROUP, "testssl.sh", counted, wrong, waived + waived_ones, "; ".join(open_ones))
