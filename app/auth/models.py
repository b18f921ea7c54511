"""What the auth service accepts and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

PASSWORD_MIN, PASSWORD_MAX = 8, 128


def normalise_email(value: str) -> str:
    """One person, one account: lower case, Unicode and domain in normal form. Raises ValueError."""
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None


def _password_length(value: SecretStr) -> SecretStr:
    if not PASSWORD_MIN <= len(value.get_secret_value()) <= PASSWORD_MAX:
        raise ValueError(f"must have {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    return value


class Registration(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={"example": {"email": "you@example.com", "password": "correct horse battery"}},
    )

    email: Annotated[
        str,
        StringConstraints(max_length=254),
        AfterValidator(normalise_email),
        Field(json_schema_extra={"format": "email"}),
    ]
    password: Annotated[
        SecretStr,
        AfterValidator(_password_length),
        Field(json_schema_extra={"minLength": PASSWORD_MIN, "maxLength": PASSWORD_MAX}),
    ]


class Account(BaseModel):
    id: str
    email: str
    created_at: datetime


class AccessToken(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    password_hash: str
    created_at: datetime

    def account(self) -> Account:
        return Account(id=self.id, email=self.email, created_at=self.created_at)
