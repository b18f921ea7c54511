"""A certificate of an ACME server."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, names, served


def test_it_is_of_the_server_and_for_the_names(machine: Host) -> None:
    shown = served(machine, 443)
    assert "Pebble" in shown.issuer.rfc4514_string()
    assert names(shown) == {"tasks.example.org", "www.tasks.example.org"}


def test_clients_get_those_between_it_and_the_authority_too(machine: Host) -> None:
    assert machine.file("/etc/nginx/certificate.pem").content_string.count("BEGIN CERTIFICATE") == 2


def test_its_key_can_be_read_by_root_alone(machine: Host) -> None:
    file = machine.file("/etc/nginx/certificate.pem")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


def test_it_is_renewed_by_itself(machine: Host) -> None:
    assert machine.service("certbot.timer").is_enabled
    assert machine.service("certbot.timer").is_running


def test_the_servers_questions_are_answered_in_the_clear_and_all_else_is_sent_to_https(machine: Host) -> None:
    how = "--resolve tasks.example.org:80:127.0.0.1 -o /dev/null -w '%{http_code} %{redirect_url}'"
    address = "http://tasks.example.org"
    proof = machine.check_output(f"curl -s {how} {address}/.well-known/acme-challenge/none")
    assert proof.split() == ["404"]
    sent_on = machine.check_output(f"curl -s {how} '{address}/tasks?a=b'")
    assert sent_on.split() == ["308", "https://tasks.example.org/tasks?a=b"]


def test_the_certificate_in_the_file_is_the_one_that_is_shown(machine: Host) -> None:
    assert served(machine, 443) == in_file(machine, "/etc/nginx/certificate.pem")
