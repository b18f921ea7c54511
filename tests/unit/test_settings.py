from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.auth.settings import AuthSettings
from app.common.settings import CommonSettings, load
from app.monolith import MonolithSettings
from app.tasks.settings import TaskSettings
from tests.certificates import self_signed

SECRET = "hunter2secret"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Settings of both services that are right."""
    key = rsa.generate_private_key(65537, 2048)
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name, value in {
        "PORT": "8001",
        "PUBLIC_URL": "http://192.168.56.10/",
        "AUTH_REDIS_URL": f"redis://auth:{SECRET}@10.0.0.1/0",
        "AUTH_MONGODB_URI": f"mongodb://auth:{SECRET}@10.0.0.1/taskyard_auth?authSource=taskyard_auth",
        "AUTH_PRIVATE_KEY_FILE": str(private),
        "TASKS_MONGODB_URI": f"mongodb://tasks:{SECRET}@a:1,b:2/taskyard_tasks?replicaSet=x",
        "TASKS_PUBLIC_KEYS_FILE": str(public),
        "TASKS_REDIS_URL": f"redis://tasks:{SECRET}@10.0.0.1:6379/0",
    }.items():
        monkeypatch.setenv(f"TASKYARD_{name}", value)
    return monkeypatch


def complaints_of(kind: type[CommonSettings], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        load(kind)
    assert ended.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert SECRET not in written.err
    return written.err.splitlines()


@pytest.mark.parametrize("kind", [AuthSettings, TaskSettings, MonolithSettings])
def test_right_settings_are_taken(environment: pytest.MonkeyPatch, kind: type[CommonSettings]) -> None:
    settings = load(kind)
    assert (settings.host, settings.port, settings.log_level) == ("127.0.0.1", 8001, "info")
    assert SECRET not in repr(settings)


def test_the_public_address_loses_its_last_slash(environment: pytest.MonkeyPatch) -> None:
    assert load(TaskSettings).public_url == "http://192.168.56.10"


def test_lists_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("TASKYARD_CORS_ORIGINS", "https://a.example, http://localhost:3000")
    environment.setenv("TASKYARD_TRUSTED_PROXIES", "10.0.0.1,10.1.0.0/16, fd00::1")
    settings = load(CommonSettings)
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert settings.trusted_proxies == ("10.0.0.1", "10.1.0.0/16", "fd00::1")
    environment.setenv("TASKYARD_TRUSTED_PROXIES", "")
    assert load(CommonSettings).trusted_proxies == ()


def test_every_missing_setting_has_its_own_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("TASKYARD_AUTH_MONGODB_URI")
    environment.setenv("TASKYARD_AUTH_PRIVATE_KEY_FILE", "")
    assert complaints_of(AuthSettings, capsys) == [
        "taskyard: TASKYARD_AUTH_MONGODB_URI is not set",
        "taskyard: TASKYARD_AUTH_PRIVATE_KEY_FILE is not set",
    ]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "http", "valid integer"),
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("CORS_ORIGINS", "*", "'*' is no origin such as https://"),
        ("CORS_ORIGINS", "https://a.example,https://b.example/", "'https://b.example/' is no origin"),
        ("CORS_ORIGINS", "https://A.example", "is no origin"),
        ("CORS_ORIGINS", "https://", "is no origin"),
        ("CORS_ORIGINS", "null", "is no origin"),
        ("TRUSTED_PROXIES", "*", "'*' is no network such as 10.0.0.1"),
        ("TRUSTED_PROXIES", "10.0.0.1, gateway1", "'gateway1' is no network"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' is no network"),
        ("PUBLIC_URL", "192.168.56.10", "such as http://192.168.56.10"),
        ("PUBLIC_URL", "http://x/?a=b", "such as http://192.168.56.10"),
        ("TASKS_MONGODB_URI", f"mongodb://tasks:{SECRET}@10.0.0.1", "must name a database"),
        ("TASKS_MONGODB_URI", f"mongodb://tasks:{SECRET}@10.0.0.1/", "must name a database"),
        ("TASKS_MONGODB_URI", f"http://tasks:{SECRET}@10.0.0.1/x", "must begin with mongodb://"),
        ("TASKS_MONGODB_URI", f"mongodb://ta@sks:{SECRET}@h:{SECRET}/x", "is not a valid MongoDB"),
        ("TASKS_REDIS_URL", f"http://tasks:{SECRET}@10.0.0.1", "is not a valid redis://"),
        ("TASKS_REDIS_URL", f"redis://tasks:{SECRET}@10.0.0.1:{SECRET}/0", "is not a valid redis://"),
        ("TASKS_REDIS_URL", f"redis://tasks:{SECRET}@10.0.0.1/first", "is not a valid redis://"),
        ("TASKS_CACHE_TTL_SECONDS", "0", "greater than or equal to 1"),
        ("TASKS_REDIS_TIMEOUT_MS", "5000", "less than or equal to 1000"),
        ("TASKS_PUBLIC_KEYS_FILE", "/nowhere", "No such file"),
    ],
)
def test_a_wrong_setting_is_one_line_with_its_name_and_the_reason(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, reason: str
) -> None:
    environment.setenv(f"TASKYARD_{name}", value)
    (line,) = complaints_of(TaskSettings, capsys)
    assert line.startswith(f"taskyard: TASKYARD_{name}: ")
    assert reason in line


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nonsense", "is not an unencrypted PEM private key"),
        (
            private_pem(rsa.generate_private_key(65537, 2048), b"password"),
            "is not an unencrypted PEM private key",
        ),
        (private_pem(ec.generate_private_key(ec.SECP256R1())), "is not an RSA key"),
        (private_pem(rsa.generate_private_key(65537, 1024)), "at least 2048 are needed"),
    ],
    ids=["nonsense", "encrypted", "elliptic", "short"],
)
def test_a_key_that_cannot_sign_is_refused(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: bytes,
    reason: str,
) -> None:
    (tmp_path / "private.pem").write_bytes(content)
    (line,) = complaints_of(AuthSettings, capsys)
    assert line.startswith("taskyard: TASKYARD_AUTH_PRIVATE_KEY_FILE: ")
    assert reason in line


def test_the_task_service_refuses_to_hold_a_private_key(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with (tmp_path / "public.pem").open("ab") as bundle:
        bundle.write((tmp_path / "private.pem").read_bytes())
    (line,) = complaints_of(TaskSettings, capsys)
    assert "must not have one" in line


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("AUTH_MONGODB_URI", f"mongodb://auth:{SECRET}@10.0.0.1/taskyard_auth?tls=true&tlsCAFile="),
        ("AUTH_REDIS_URL", f"rediss://auth:{SECRET}@10.0.0.1/0?ssl_ca_certs="),
    ],
)
@pytest.mark.parametrize(
    "unusable", [("/nowhere.pem", "No such file or directory"), (__file__, "holds no certificate")]
)
def test_authorities_that_cannot_be_used_are_said_at_the_start(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    address: str,
    unusable: tuple[str, str],
) -> None:
    file, reason = unusable
    environment.setenv(f"TASKYARD_{variable}", address + file)
    (line,) = complaints_of(AuthSettings, capsys)
    assert f"TASKYARD_{variable}: names {file} as" in line
    assert line.endswith(f"which cannot be used: {reason}")


def test_authorities_that_are_there_are_taken(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_bytes(self_signed("authority"))
    environment.setenv("TASKYARD_AUTH_REDIS_URL", f"rediss://auth:{SECRET}@10.0.0.1/0?ssl_ca_certs={file}")
    assert str(file) in load(AuthSettings).auth_redis_url.get_secret_value()
