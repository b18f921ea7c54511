"""What the auth service accepts and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from app.auth.common_passwords import is_common
from app.common.patches import Patch

PASSWORD_MIN, PASSWORD_MAX = 8, 128
EMAIL_MAX = 254  # RFC 5321, 4.5.3.1.3, without the brackets


def normalise_email(value: str) -> str:
    """One person, one account: lower case, Unicode and domain in normal form. Raises ValueError."""
    if len(value) > EMAIL_MAX:  # before anything else: Unicode's normal form takes long for a long text
        raise ValueError(f"must have at most {EMAIL_MAX} characters")
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def _new_password(value: SecretStr) -> SecretStr:
    if not PASSWORD_MIN <= len(value.get_secret_value()) <= PASSWORD_MAX:
        raise ValueError(f"must have {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    if is_common(value.get_secret_value()):
        raise ValueError("is among the first that anybody would try; choose another one")
    return value


Email = Annotated[
    str,
    StringConstraints(max_length=EMAIL_MAX),
    AfterValidator(normalise_email),
    Field(json_schema_extra={"format": "email"}),
]


def _whole_characters(value: SecretStr) -> SecretStr:
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a character in it (a lone surrogate)") from None
    return value


Secret = Annotated[SecretStr, AfterValidator(_whole_characters)]
NewPassword = Annotated[
    Secret,
    Field(json_schema_extra={"minLength": PASSWORD_MIN, "maxLength": PASSWORD_MAX}),
    AfterValidator(_new_password),
]
GivenPassword = Annotated[Secret, Field(max_length=PASSWORD_MAX)]


EXAMPLE_SESSION = "Vw0Kx7cJ1mQ2nZ8rT4yL6A"
EXAMPLE_REFRESH = "Zk3vQ0aXw7Jm1Lr9Tb5YcA.n8GfU2eRk4Dp6Ws0Hx1Vq3Mz5Bt7Cy9Ja2Le4No6PiQ"
_EMAIL, _PASSWORD = "anna@example.com", "correct horse battery staple"
_CREATED_AT = "2030-05-30T08:15:00.123000Z"


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Registration(_Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"email": _EMAIL, "password": _PASSWORD}]})

    email: Email
    password: NewPassword


class Login(BaseModel):
    """RFC 6749, 4.3.2. Whatever else a client sends is overlooked, as 3.2 asks."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [{"grant_type": "password", "username": _EMAIL, "password": _PASSWORD}]
        },
    )

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, description="The e-mail address.")]
    password: Annotated[Secret, Field(min_length=1)]


class AccountPatch(_Input, Patch):
    """Only what is sent changes. Either change needs the password that holds now."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["email"]}, {"required": ["password"]}],
            "examples": [{"password": "another good long password", "current_password": _PASSWORD}],
        }
    )

    email: Email = Field(default="", validate_default=False)
    password: NewPassword = Field(default=SecretStr(""), validate_default=False)
    current_password: GivenPassword

    @model_validator(mode="before")
    @classmethod
    def _changes_something(cls, value: Any) -> Any:
        if isinstance(value, dict) and not {"email", "password"} & value.keys():
            raise ValueError("nothing to change: send email, password, or both")
        return value


class Refresh(_Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": EXAMPLE_REFRESH}]})

    refresh_token: Annotated[Secret, Field(max_length=200)]


class Account(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "665af1c2e4b0a1b2c3d4e5f6", "email": _EMAIL, "created_at": _CREATED_AT}]
        }
    )

    id: str
    email: str
    created_at: datetime


class TokenPair(BaseModel):
    """`expires_in` and `refresh_expires_in` are seconds from now. A refresh token is good for one use."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI2NjVhZjFjMiJ9.c2lnbmF0dXJl",
                    "token_type": "bearer",
                    "expires_in": 900,
                    "refresh_token": EXAMPLE_REFRESH,
                    "refresh_expires_in": 1209600,
                }
            ]
        }
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int
    refresh_token: str
    refresh_expires_in: int


class SessionInfo(BaseModel):
    """One place where the user is signed in. `current` is the one that asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_SESSION,
                    "created_at": _CREATED_AT,
                    "last_used_at": "2030-06-01T10:00:00Z",
                    "expires_at": "2030-06-15T10:00:00Z",
                    "address": "203.0.113.7",
                    "user_agent": "Mozilla/5.0",
                    "current": True,
                }
            ]
        }
    )

    id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    current: bool


class KeySet(BaseModel):
    """RFC 7517. `kid` is the key's thumbprint (RFC 7638)."""

    keys: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    password_hash: str
    password_set_at: datetime  # tells one password from the next; a stronger hash is the same password
    created_at: datetime

    def account(self) -> Account:
        return Account(id=self.id, email=self.email, created_at=self.created_at)


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the address as the gateway saw it, and what the program calls itself."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    user_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client: Client

    def info(self, current: str) -> SessionInfo:
        return SessionInfo(
            id=self.id,
            created_at=self.created_at,
            last_used_at=self.last_used_at,
            expires_at=self.expires_at,
            address=self.client.address,
            user_agent=self.client.user_agent,
            current=self.id == current,
        )


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`selector.verifier`: which session, and the proof. Only digests of both are stored.

    The selector stays the same as long as the session lives and is known to nobody but its client: who comes
    with the right selector and another verifier holds a token that was used before.
    """

    selector: str
    verifier: str

    @classmethod
    def parse(cls, token: str) -> Self | None:
        selector, _, verifier = token.partition(".")
        return cls(selector, verifier) if selector and verifier else None

    def __str__(self) -> str:
        return f"{self.selector}.{self.verifier}"
