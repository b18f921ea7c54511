from pathlib import Path
from typing import Annotated

from limits import parse
from pydantic import AfterValidator, Field

from app.common.keys import read_private_key, read_public_keys
from app.common.settings import CommonSettings, MongoUri, RedisUrl


def _holds_a_key(path: Path) -> Path:
    read_private_key(path)
    return path


def _holds_public_keys(path: Path) -> Path:
    read_public_keys(path)
    return path


def _rate(value: str) -> str:
    try:
        parse(value)
    except ValueError:
        raise ValueError("must be a rate such as: 10 per 5 minutes") from None
    return value


Rate = Annotated[str, AfterValidator(_rate)]


class AuthSettings(CommonSettings):
    auth_mongodb_uri: MongoUri
    auth_redis_url: RedisUrl
    auth_private_key_file: Annotated[Path, AfterValidator(_holds_a_key)]
    # Public keys that are good beside the signing key's own: the next and the last one, while keys rotate.
    auth_other_public_keys_file: Annotated[Path, AfterValidator(_holds_public_keys)] | None = None
    auth_token_ttl_seconds: int = Field(default=900, ge=1, le=86400)
    # A session that is not used for this long is over.
    auth_session_idle_seconds: int = Field(default=14 * 86400, ge=1, le=90 * 86400)
    auth_attempts_per_account: Rate = "10 per 5 minutes"
    auth_attempts_per_address: Rate = "100 per 5 minutes"
