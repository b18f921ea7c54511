"""Requests that are sent on a scenario's machine, as a client beside the service would."""

from __future__ import annotations

import json
from typing import Any

from testinfra.host import Host

# Prints the status, the headers and the body of an answer as JSON.
_CLIENT = """
import json, sys, urllib.request, urllib.error
method, url, headers, body = json.loads(sys.argv[1])
data = body.encode() if body is not None else None
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30)
except urllib.error.HTTPError as error:
    answer = error
headers = {name.lower(): value for name, value in answer.headers.items()}
print(json.dumps({"status": answer.status, "headers": headers, "body": answer.read().decode()}))
"""


def ask(
    machine: Host,
    method: str,
    url: str,
    *,
    token: str | None = None,
    document: Any = None,
    form: str | None = None,
) -> tuple[int, dict[str, str], Any]:
    """One request: its status, headers (in small letters), and body, which is read when it is JSON."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = form
    if document is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(document)
    question = json.dumps([method, url, headers, body])
    answer = json.loads(machine.check_output("python3 -c %s %s", _CLIENT, question))
    text = answer["body"]
    if text and "json" in answer["headers"].get("content-type", ""):
        text = json.loads(text)
    return answer["status"], answer["headers"], text


def unit(machine: Host, name: str, *properties: str) -> dict[str, str]:
    """A unit's properties as systemd sees them."""
    shown = machine.check_output("systemctl show --property=%s %s", ",".join(properties), name)
    return dict(line.split("=", 1) for line in shown.splitlines())


def listening(machine: Host) -> set[str]:
    """Where something on the machine listens, as ``address:port``; any server's sshd is left out."""
    lines = machine.check_output("ss -Hltn 'sport != :22'").splitlines()
    return {line.split()[3] for line in lines}
