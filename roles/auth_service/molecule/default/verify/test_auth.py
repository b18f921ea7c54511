"""The auth service as it runs, with MongoDB and Redis beside it."""

from testinfra.host import Host

from tests.molecule.people import AUTH, PASSWORD, register, sign_in
from tests.molecule.requests import ask, unit

SECRETS = ("test-mongodb-auth", "test-redis-auth", "PRIVATE KEY")


def test_it_listens_where_it_is_told(machine: Host) -> None:
    listening = machine.check_output("ss -Hltnp | grep python").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:8001"]


def test_it_is_alive_and_has_what_it_needs(machine: Host) -> None:
    assert ask(machine, "GET", f"{AUTH}/healthz")[0] == 200
    status, _, body = ask(machine, "GET", f"{AUTH}/readyz")
    assert (status, body["status"]) == (200, "ok")
    assert set(body["dependencies"].values()) == {"ok"}
    assert body["signing_key"] in body["keys"]


def test_somebody_registers_and_signs_in(machine: Host) -> None:
    email = register(machine)
    token = sign_in(machine, email)
    status, _, me = ask(machine, "GET", f"{AUTH}/auth/me", token=token)
    assert (status, me["email"]) == (200, email)


def test_a_wrong_password_and_a_wrong_token_are_refused(machine: Host) -> None:
    email = register(machine)
    wrong = f"username={email}&password=not-{PASSWORD}"
    assert ask(machine, "POST", f"{AUTH}/auth/login", form=wrong)[0] == 401
    token = sign_in(machine, email)
    assert ask(machine, "GET", f"{AUTH}/auth/me", token=f"{token[:-20]}{'A' * 20}")[0] == 401
    assert ask(machine, "GET", f"{AUTH}/auth/me")[0] == 401


def test_it_publishes_the_key_that_it_signs_with(machine: Host) -> None:
    _, _, keys = ask(machine, "GET", f"{AUTH}/auth/.well-known/jwks.json")
    _, _, ready = ask(machine, "GET", f"{AUTH}/readyz")
    assert ready["signing_key"] in [key["kid"] for key in keys["keys"]]
    assert not any("d" in key for key in keys["keys"])


def test_its_unit_may_do_little(machine: Host) -> None:
    expected = {
        "ActiveState": "active",
        "User": "taskyard-auth",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "MemoryMax": str(384 * 2**20),
        "UnitFileState": "enabled",
    }
    assert unit(machine, "taskyard-auth@8001", *expected) == expected


def test_secrets_are_for_those_who_need_them(machine: Host) -> None:
    environment = machine.file("/etc/taskyard/auth.env")
    assert (environment.user, environment.group, environment.mode) == ("root", "root", 0o600)
    for name in ("private_key.pem", "public_keys.pem"):
        key = machine.file(f"/etc/taskyard/auth/{name}")
        assert (key.user, key.group, key.mode) == ("root", "taskyard-auth", 0o640)
    shown = machine.check_output(
        "ps -e -o args=; systemctl show taskyard-auth@8001; journalctl -u taskyard-auth@8001"
    )
    assert not any(secret in shown for secret in SECRETS)
