"""The gateway as it runs, with instances of a service behind it."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from testinfra.host import Host

from tests.molecule import instances as running
from tests.molecule.certificates import in_file, names, served, spoken
from tests.molecule.instances import AUTHORITIES, instances, stop
from tests.molecule.requests import listening
from tests.molecule.sandboxes import OTHERS, check_sandbox, check_score

PORTS = (9001, 9002, 9003)
ask = partial(running.ask, gateway="https://127.0.0.1")


@pytest.fixture
def echo(machine: Host) -> Iterator[None]:
    with instances(machine, PORTS):
        yield


def test_it_listens_on_every_address_and_nothing_else_does(machine: Host) -> None:
    assert listening(machine) == {"0.0.0.0:80", "0.0.0.0:443"}


def test_it_is_started_at_boot_and_its_workers_are_nobody_special(machine: Host) -> None:
    assert machine.service("nginx").is_enabled
    assert machine.service("nginx").is_running
    users = Counter(process.user for process in machine.process.filter(comm="nginx"))
    assert users["root"] == 1
    assert set(users) == {"root", "www-data"}


def test_a_worker_may_have_as_many_files_as_its_connections_need(machine: Host) -> None:
    """18 432; where a container allows less, Nginx would go on with systemd's 1024, and say so in its log."""
    workers = [each.pid for each in machine.process.filter(comm="nginx") if each.user == "www-data"]
    assert workers
    for worker in workers:
        limits = machine.file(f"/proc/{worker}/limits").content_string
        assert int(limits.partition("Max open files")[2].split()[0]) >= 18_432


def test_it_answers_for_itself(machine: Host) -> None:
    (answer,) = ask(machine, "/healthz")
    assert json.loads(answer["body"]) == {"status": "ok", "service": "gateway"}


def test_without_an_instance_it_says_so_as_a_problem_document(machine: Host) -> None:
    (answer,) = ask(machine, "/echo")
    assert answer["status"] == 502
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert int(answer["headers"]["Retry-After"]) > 0
    machine.run("sleep 3.2")  # until it tries those again that failed (its 2 s are whole ones)


@pytest.mark.usefixtures("echo")
def test_every_instance_gets_its_share_and_one_that_is_down_costs_no_request(machine: Host) -> None:
    served = Counter(answer["body"] for answer in ask(machine, "/echo", times=30))
    assert set(served) == {"9001", "9002", "9003"}
    assert min(served.values()) >= 5
    stop(machine, 9002)
    answers = ask(machine, "/echo", times=12)
    assert {answer["status"] for answer in answers} == {200}
    assert {answer["body"] for answer in answers} == {"9001", "9003"}


def test_what_is_nowhere_and_what_is_not_allowed(machine: Host) -> None:
    assert ask(machine, "/nowhere")[0]["status"] == 404
    assert ask(machine, "/echo", "TRACE")[0]["status"] == 405


def test_its_log_has_one_json_object_a_line_and_no_query(machine: Host) -> None:
    ask(machine, "/nowhere?password=secret")
    last = machine.check_output("tail -n 1 /var/log/nginx/access.log")
    assert json.loads(last)["path"] == "/nowhere"
    assert "secret" not in last


def test_its_configuration_can_be_read_and_changed_by_root_alone(machine: Host) -> None:
    file = machine.file("/etc/nginx/nginx.conf")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o640)


def test_its_certificate_is_of_the_authority_and_for_its_names(machine: Host) -> None:
    shown = served(machine, 443, AUTHORITIES)
    shown.verify_directly_issued_by(in_file(machine, AUTHORITIES))
    assert names(shown) == {"localhost", "127.0.0.1", machine.check_output("hostname")}


def test_it_speaks_what_is_safe_and_nothing_older(machine: Host) -> None:
    assert spoken(machine, 443) == {"TLSv1_2", "TLSv1_3"}


def test_its_key_can_be_read_by_root_alone(machine: Host) -> None:
    file = machine.file("/etc/nginx/certificate.pem")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o640)


def test_browsers_are_told_to_come_by_https_alone(machine: Host) -> None:
    for path in ("/healthz", "/nowhere"):
        assert ask(machine, path)[0]["headers"]["Strict-Transport-Security"] == "max-age=63072000"


def test_who_comes_in_the_clear_is_sent_on_with_method_and_body(machine: Host) -> None:
    said = machine.check_output(
        "curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -X POST -d a=b http://127.0.0.1/echo?c=d"
    )
    assert said == "308 https://127.0.0.1/echo?c=d"
    followed = machine.check_output(f"curl -sL --cacert {AUTHORITIES} http://127.0.0.1/healthz")
    assert json.loads(followed)["status"] == "ok"


def test_it_speaks_http_2(machine: Host) -> None:
    asked = f"curl -s -o /dev/null -w '%{{http_version}}' --http2 --cacert {AUTHORITIES} https://127.0.0.1/healthz"
    assert machine.check_output(asked) == "2"


def test_it_is_in_a_sandbox_and_writes_its_logs_and_its_state_alone(machine: Host) -> None:
    check_score(machine, "nginx", OTHERS)
    check_sandbox(machine, "nginx", "/run", "/var/lib/nginx", "/var/log/nginx")


def test_in_its_sandbox_it_loads_its_configuration_anew_and_stops_in_peace(machine: Host) -> None:
    pid = machine.check_output("systemctl show --property=MainPID --value nginx")
    machine.run_expect([0], "systemctl reload nginx")
    assert ask(machine, "/healthz")[0]["status"] == 200
    assert machine.check_output("systemctl show --property=MainPID --value nginx") == pid
    machine.run_expect([0], "systemctl restart nginx")
    assert machine.check_output("systemctl show --property=Result --value nginx") == "success"
    assert ask(machine, "/healthz")[0]["status"] == 200


def test_in_its_sandbox_it_goes_on_in_a_new_log_when_the_old_one_is_set_aside(machine: Host) -> None:
    machine.run_expect(
        [0], "mv /var/log/nginx/access.log /var/log/nginx/access.log.1 && systemctl kill -s USR1 nginx"
    )
    machine.run_expect([0], "timeout 5 sh -c 'until test -e /var/log/nginx/access.log; do sleep 0.1; done'")
    ask(machine, "/after-the-change")
    assert "/after-the-change" in machine.file("/var/log/nginx/access.log").content_string


def test_in_its_sandbox_it_keeps_a_large_request_on_disk_meanwhile(machine: Host) -> None:
    post = "import urllib.request; urllib.request.urlopen('https://127.0.0.1/echo', bytes(900_000))"
    said = machine.run(f"env SSL_CERT_FILE={AUTHORITIES} python3 -c %s", post).stderr
    assert "HTTP Error 502" in said, said  # it had all of it, and no instance to give it to; it would be 500
