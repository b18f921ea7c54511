from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from app.common.keys import read_private_key
from app.common.settings import CommonSettings, MongoUri


def _holds_a_key(path: Path) -> Path:
    read_private_key(path)
    return path


class AuthSettings(CommonSettings):
    auth_mongodb_uri: MongoUri
    auth_private_key_file: Annotated[Path, AfterValidator(_holds_a_key)]
    auth_token_ttl_seconds: int = Field(default=900, ge=1, le=86400)
