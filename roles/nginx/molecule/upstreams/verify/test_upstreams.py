"""Whoever the configuration names gets requests, and nobody else; one that is down costs none."""

import re

from testinfra.host import Host

from tests.molecule.instances import ask, instances, stop

ALL = range(9001, 9007)


def test_each_instance_that_is_named_serves_and_one_that_is_down_costs_no_request(machine: Host) -> None:
    named = re.findall(r"server 127\.0\.0\.1:(\d+) ", machine.file("/etc/nginx/nginx.conf").content_string)
    assert len(named) in (1, 3, 6)
    with instances(machine, ALL):
        served = ask(machine, "/echo", times=30)
        assert {answer["body"] for answer in served} == set(named)
        assert {answer["status"] for answer in served} == {200}
        stop(machine, int(named[-1]))
        served = ask(machine, "/echo", times=30)
        if len(named) == 1:
            assert {answer["status"] for answer in served} == {502}
        else:
            assert {answer["body"] for answer in served} == set(named[:-1])
            assert {answer["status"] for answer in served} == {200}
