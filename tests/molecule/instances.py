"""Small HTTP servers on a machine, that stand for a service's instances, and a client that asks there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from testinfra.host import Host

# Whom the gateway's certificate is of, on its machine.
AUTHORITIES = "/etc/nginx/authorities.pem"
# Answers every request with its own port.
INSTANCE = """
import http.server, sys
port = int(sys.argv[1])
class Instance(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(port).encode())
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Instance).serve_forever()
"""
# Prints the status, the headers and the body of each answer as JSON.
CLIENT = """
import json, sys, urllib.request, urllib.error
def ask(method, url):
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    return {"status": answer.status, "headers": dict(answer.headers), "body": answer.read().decode()}
print(json.dumps([ask(*sys.argv[1:3]) for _ in range(int(sys.argv[3]))]))
"""


@contextmanager
def instances(machine: Host, ports: Iterable[int]) -> Iterator[None]:
    """Run one at each of these ports."""
    for port in ports:
        machine.run_expect(
            [0], "systemd-run --unit=instance-%s python3 -c %s %s", str(port), INSTANCE, str(port)
        )
    for port in ports:
        wait = f"until ss -Hltn sport = :{port} | grep -q .; do sleep 0.1; done"
        machine.run_expect([0], "timeout 10 sh -c %s", wait)
    yield
    for port in ports:
        stop(machine, port)


def stop(machine: Host, port: int) -> None:
    """End the instance at this port."""
    machine.run("systemctl stop instance-%s", str(port))


def ask(
    machine: Host, path: str, method: str = "GET", times: int = 1, gateway: str = "http://127.0.0.1"
) -> list[dict[str, Any]]:
    """Ask the gateway on the machine: {status, headers, body} of each answer."""
    trusting = f"env SSL_CERT_FILE={AUTHORITIES}" if gateway.startswith("https:") else ""
    asking = "python3 -c %s %s %s %s"
    answers = machine.check_output(f"{trusting} {asking}", CLIENT, method, gateway + path, str(times))
    found: list[dict[str, Any]] = json.loads(answers)
    return found


def check_share(machine: Host, count: int) -> None:
    """Of six instances the gateway names so many: these get requests, and one that is down costs none."""
    named = re.findall(r"server 127\.0\.0\.1:(\d+) ", machine.file("/etc/nginx/nginx.conf").content_string)
    assert len(named) == count
    with instances(machine, range(9001, 9007)):
        served = ask(machine, "/echo", times=30)
        assert {answer["body"] for answer in served} == set(named)
        assert {answer["status"] for answer in served} == {200}
        stop(machine, int(named[-1]))
        served = ask(machine, "/echo", times=30)
        if count == 1:
            assert {answer["status"] for answer in served} == {502}
        else:
            assert {answer["body"] for answer in served} == set(named[:-1])
            assert {answer["status"] for answer in served} == {200}
