"""DevSec's nginx-baseline, asked of the configuration that Nginx itself says it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from testinfra.host import Host

from tests.baselines.controls import Baseline, lines, mode_problems

WAIVERS = {
    "nginx-06": (
        "The control's 1k would refuse most requests of the API. Bodies are limited (1 MiB), headers are "
        "by Nginx (8k)."
    ),
    "nginx-07": (
        "Requests are limited (limit_req), not connections: behind one address there may be many people."
    ),
    "nginx-09": (
        "Browsers have taken that filter out, and it has opened holes of its own; the API answers no "
        "HTML but /docs."
    ),
    "nginx-15": (
        "The one page that there is, /docs, has a policy of its own from the service; the rest is no HTML."
    ),
    "nginx-17": (
        "Idle connections stay open for longer than 5 s: each saves its client a handshake. Slow ones "
        "are ended (15 s)."
    ),
}

BASELINE = Baseline(WAIVERS)
control = BASELINE.control
rows = BASELINE.rows


def directives(machine: Host, name: str) -> list[str]:
    """What stands behind a directive, wherever it is there."""
    written = "\n".join(lines(machine, "nginx -T 2>/dev/null"))
    return re.findall(rf"^\s*{name}\s+([^;]*);", written, re.MULTILINE)


def missing(machine: Host, name: str, pattern: str) -> Iterator[str]:
    """Says that no such directive is there."""
    found = directives(machine, name)
    if not any(re.fullmatch(pattern, value) for value in found):
        yield f"{name} is {' and '.join(found) or 'not there'}"


@control("nginx-01", "Its workers are nobody special")
def _(machine: Host) -> Iterator[str]:
    users = {process.user for process in machine.process.filter(comm="nginx") if process.ppid != 1}
    if not users or "root" in users:
        yield f"they are {', '.join(users) or 'not there'}"


@control("nginx-02", "Its configuration is for root and its group alone")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/nginx/nginx.conf", 0o027)


@control("nginx-03", "It serves no example site")
def _(machine: Host) -> Iterator[str]:
    read = lines(machine, "nginx -T 2>/dev/null | sed -n 's/^# configuration file \\(.*\\):$/\\1/p'")
    yield from (file for file in read if file.endswith(("/conf.d/default.conf", "/sites-enabled/default")))


@control("nginx-04", "There is one of it")
def _(machine: Host) -> Iterator[str]:
    (count,) = lines(machine, "ps -C nginx -o args= | grep -c master")
    if count != "1":
        yield f"there are {count}"


@control("nginx-05", "It does not tell its version")
def _(machine: Host) -> Iterator[str]:
    if set(directives(machine, "server_tokens")) != {"off"}:
        yield f"server_tokens is {directives(machine, 'server_tokens')}"


@control("nginx-06", "Requests are small")
def _(machine: Host) -> Iterator[str]:
    for name in ("client_body_buffer_size", "client_max_body_size", "client_header_buffer_size"):
        yield from missing(machine, name, "1k")
    yield from missing(machine, "large_client_header_buffers", "2 1k")


@control("nginx-07", "A client has so many connections at most")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "limit_conn", r"\S+ \d+")


@control("nginx-08", "Its pages are not shown within others")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "add_header", r"X-Frame-Options (SAMEORIGIN|DENY)( always)?")


@control("nginx-09", "Browsers filter scripts that came with the request")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "add_header", r'X-XSS-Protection "1; mode=block"( always)?')


@control("nginx-10", "Browsers do not guess what an answer is")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "add_header", r"X-Content-Type-Options nosniff( always)?")


@control("nginx-12", "TLS is modern")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "ssl_protocols", r"(TLSv1\.2 )?TLSv1\.3|TLSv1\.2")
    yield from missing(machine, "ssl_session_tickets", "off")


@control("nginx-13", "Browsers come back by TLS alone")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "add_header", r'Strict-Transport-Security "?max-age=\d{7,}.*')


@control("nginx-14", "It passes on the methods that there are, and no others")
def _(machine: Host) -> Iterator[str]:
    for method in ("TRACE", "CONNECT", "PROPFIND"):
        asked = lines(machine, f"{ASK} {method}")
        if asked != ["refused"]:
            yield f"{method} is answered with {asked}"


# Asks where Nginx listens without TLS. It refuses such a method, or (CONNECT) such a request.
ASK = """python3 -c '
import http.client, subprocess, re, sys
written = subprocess.run(["nginx", "-T"], capture_output=True, text=True).stdout
address, port = re.search(r"^\\s*listen ([0-9.]*?):?([0-9]+)[^;]*(?<!ssl);", written, re.M).groups()
here = "127.0.0.1" if address in ("", "0.0.0.0") else address
client = http.client.HTTPConnection(here, int(port), timeout=5)
client.request(sys.argv[1], "/tasks")
print("refused" if client.getresponse().status in (400, 405) else "answered")
'"""


@control("nginx-15", "Pages say which scripts are theirs")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "add_header", r"Content-Security-Policy .*")


@control("nginx-16", "It sets no cookie that scripts or plain text could show")
def _(machine: Host) -> Iterator[str]:
    yield from (
        f"it sets {value}" for value in directives(machine, "add_header") if value.startswith("Set-Cookie")
    )


@control("nginx-17", "Slow clients do not hold it up")
def _(machine: Host) -> Iterator[str]:
    yield from missing(machine, "keepalive_timeout", r"5s?( 5s?)?")
    for name in ("client_body_timeout", "client_header_timeout", "send_timeout"):
        yield from missing(machine, name, r"10s?")
