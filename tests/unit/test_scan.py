"""The comparison of what a scan found with what the inventory implies."""

from tools.scan import Found, Machine, Row, read, table

FLOWS = [
    {"name": "ssh", "ports": [22], "sources": ["10.5.0.0/16", "::/0"]},
    {"name": "redis", "ports": [6379, 6380], "sources": ["10.0.0.21"]},
    {"name": "agent", "protocol": "udp", "ports": [9100], "sources": ["0.0.0.0/0"]},
]
# As nmap writes it (-oG -); what it does not list is in the ignored state.
WRITTEN = """# Nmap 7.93 scan initiated Tue Jan  6 10:00:00 2026 as: nmap -Pn -n -p- -oG - 10.0.0.1-3
Host: 10.0.0.1 ()\tStatus: Up
Host: 10.0.0.1 ()\tPorts: 22/open/tcp//ssh///, 6379/closed/tcp//redis///\tIgnored State: filtered (65533)
Host: 10.0.0.2 ()\tStatus: Up
Host: 10.0.0.2 ()\tPorts: 22/open/tcp//ssh///, 80/open/tcp//http///\tIgnored State: closed (65533)
Host: 10.0.0.3 ()\tStatus: Up
Host: 10.0.0.3 ()\tPorts: \tIgnored State: filtered (65535)
# Nmap done at Tue Jan  6 10:01:00 2026 -- 3 IP addresses (3 hosts up) scanned in 60.00 seconds
"""


def test_who_is_let_in_depends_on_the_address() -> None:
    machine = Machine("data1", "10.0.0.31", "10.0.0.31", is_filtered=True, flows=FLOWS)
    assert machine.lets_in("10.0.0.21") == {6379, 6380}
    assert machine.lets_in("10.5.1.1") == {22}
    assert machine.lets_in("10.6.1.1") == set()


def test_what_nmap_wrote_is_read() -> None:
    assert read(WRITTEN) == {
        "10.0.0.1": Found(frozenset({22}), frozenset({6379})),
        "10.0.0.2": Found(frozenset({22, 80}), undropped=65533),
        "10.0.0.3": Found(frozenset()),
    }


def test_what_several_scans_saw_is_put_together() -> None:
    again = """Host: 10.0.0.1 ()\tPorts: 22/filtered/tcp//ssh///, 6379/open/tcp//redis///
Host: 10.0.0.3 ()\tPorts: 22/closed/tcp//ssh///, 80/filtered/tcp//http///
"""
    assert read(WRITTEN + again) == {
        "10.0.0.1": Found(frozenset({22, 6379})),
        "10.0.0.2": Found(frozenset({22, 80}), undropped=65533),
        "10.0.0.3": Found(frozenset(), frozenset({22})),
    }


def row(expected: set[int], opened: set[int], closed: set[int] | None = None, undropped: int = 0) -> Row:
    found = Found(frozenset(opened), frozenset(closed or set()), undropped)
    return Row("app1", "data1", frozenset(expected), found)


def test_the_same_is_no_fault() -> None:
    assert row({22, 80}, {80, 22}).fault == ""
    assert row(set(), set()).fault == ""


def test_every_difference_is_told() -> None:
    assert row({22}, {22, 80}).fault == "open, and nobody's business: 80"
    assert row({22, 80}, {22}).fault == "dropped: 80"
    assert row({22, 80}, {22}, {80}).fault == "let in, but nothing listens: 80"
    assert row({22}, {22}, {81}).fault == "refused, not dropped: 81"
    assert row({22}, {22}, undropped=65534).fault.startswith("65534 ports are not dropped")


def test_each_pair_is_a_line_of_the_table() -> None:
    lines = table([row({22}, {22}), row({22}, {22, 80})]).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["data1", "app1", "22", "22", "as", "it", "should", "be"]
    assert "DIFFERS  open, and nobody's business: 80" in lines[2]
