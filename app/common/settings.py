"""Settings come from the environment, are checked before anything starts, and never have a secret default."""

from __future__ import annotations

import ipaddress
import re
import ssl
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

PREFIX = "TASKYARD_"
EXIT_BAD_SETTINGS = 2
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def _believes(query: str, option: str) -> None:
    """Check the file of authorities that an address names, if any: otherwise each use of it would fail."""
    for path in parse_qs(query).get(option, []):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise ValueError(f"names {path} as {option}, which cannot be used: {reason}") from None


def _mongodb_uri(value: SecretStr) -> SecretStr:
    """Accept a URI that names a database. The reasons never repeat any of it: it holds the password."""
    uri = value.get_secret_value()
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    _believes(urlsplit(uri).query, "tlsCAFile")
    try:
        if uri.startswith("mongodb://"):  # the other kind would ask the DNS
            parse_uri(uri)
        path = urlsplit(uri).path
    except (PyMongoError, ValueError):
        raise ValueError("is not a valid MongoDB connection string") from None
    if not path.strip("/"):
        raise ValueError("must name a database (mongodb://user:password@host/DATABASE)")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        valid = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
        valid = valid and parts.path.strip("/").isdigit() if parts.path.strip("/") else valid
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("is not a valid redis://user:password@host:port/number address")
    _believes(parts.query, "ssl_ca_certs")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as http://192.168.56.10")
    return value.rstrip("/")


def _listed(value: Any) -> Any:
    """`a, b` -> ("a", "b")"""
    return tuple(item.strip() for item in value.split(",")) if isinstance(value, str) else value


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    """Accept what browsers send as `Origin` (RFC 6454, 6.1); `*` would let every page on the web in."""
    for origin in value:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin such as https://tasks.example.org")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for network in value:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(f"{network!r} is no network such as 10.0.0.1 or 10.0.0.0/24") from None
    return value


_Listed = (NoDecode, BeforeValidator(_listed))
Origins = Annotated[tuple[str, ...], *_Listed, AfterValidator(_origins)]
Networks = Annotated[tuple[str, ...], *_Listed, AfterValidator(_networks)]
MongoUri = Annotated[SecretStr, AfterValidator(_mongodb_uri)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]


class CommonSettings(BaseSettings):
    """What every service reads. Field `x` is the variable `TASKYARD_X`; an empty one counts as absent."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True, frozen=True
    )

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    jwt_issuer: str = "taskyard"
    jwt_audience: str = "taskyard"
    startup_timeout_seconds: float = Field(default=60, ge=0, le=3600)
    drain_seconds: float = Field(default=1, ge=0, le=60)
    # The only instance of a service leaves its port to the next process: clients wait for that one.
    hand_over: bool = False
    # Pages of these origins may call the API from a browser (CORS).
    cors_origins: Origins = ()
    # The gateways: from them alone X-Forwarded-For and -Proto are believed.
    trusted_proxies: Networks = ()


SettingsT = TypeVar("SettingsT", bound=CommonSettings)


def load(kind: type[SettingsT]) -> SettingsT:
    """Read the environment, or end the process with one line for each wrong variable and exit code 2."""
    try:
        return kind()
    except ValidationError as error:
        stop(*complaints(error))


def complaints(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        variable = PREFIX + "_".join(str(part) for part in item["loc"]).upper()
        if item["type"] == "missing":
            yield f"{variable} is not set"
        else:
            reason = item["msg"].removeprefix("Value error, ")
            yield f"{variable}: {reason}"


def stop(*reasons: str) -> NoReturn:
    for reason in reasons:
        print(f"taskyard: {reason}", file=sys.stderr)  # noqa: T201 - there is no log yet
    raise SystemExit(EXIT_BAD_SETTINGS)
