from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from app.common.keys import read_public_keys
from app.common.settings import CommonSettings, MongoUri, PublicUrl, RedisUrl
from app.tasks.cache_writer import RedisAway


def _holds_keys(path: Path) -> Path:
    read_public_keys(path)
    return path


class TaskSettings(CommonSettings):
    # The gateway's address as clients see it: every task carries its own absolute address.
    public_url: PublicUrl
    tasks_mongodb_uri: MongoUri
    tasks_public_keys_file: Annotated[Path, AfterValidator(_holds_keys)]
    tasks_redis_url: RedisUrl
    tasks_cache_ttl_seconds: int = Field(default=60, ge=1, le=86400)
    tasks_redis_timeout_ms: int = Field(default=50, ge=1, le=1000)
    # How many tasks a person may have, and may make with an Idempotency-Key in 24 hours. Each instance that
    # is asked at the same moment may fill the room that was left.
    tasks_quota: int = Field(default=10_000, ge=1)
    # What a write does that Redis misses: wait (a second) until no instance can answer an older list, or
    # answer at once: others may answer older lists until Redis is told, for the time to live at the most.
    tasks_redis_away: RedisAway = "wait"
