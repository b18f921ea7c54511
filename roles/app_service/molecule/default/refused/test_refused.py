"""After a change that the first instance did not start with."""

from testinfra.host import Host

from tests.molecule.requests import ask


def test_the_other_one_goes_on_with_what_it_had(machine: Host) -> None:
    assert ask(machine, "GET", "http://127.0.0.1:9002/")[2]["ECHO_GREETING"] == "good evening"
    assert machine.check_output("ss -Hltn sport = :9001") == ""
