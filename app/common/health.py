"""/healthz: this process is alive. /readyz: it has what it needs, and if not, what is down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from app.common.strict_json import StrictRoute

_CHECK_SECONDS = 2.0
router = APIRouter(tags=["health"], route_class=StrictRoute)
Check = Callable[[], Awaitable[Any]]


class Alive(BaseModel):
    status: Literal["ok"]


class Readiness(BaseModel):
    """What this process needs. It is `degraded` without something that only helps."""

    status: Literal["ok", "degraded", "unavailable"]
    dependencies: dict[str, Literal["ok", "down"]]
    keys: list[str] = Field(description="The ids of the public keys that it verifies tokens with.")
    signing_key: str | None = Field(
        default=None, description="Auth alone: the id of the key that it signs with."
    )


@dataclass(slots=True)
class Health:
    """The dependencies of a process; one that is not required degrades it, and leaves it ready."""

    checks: dict[str, tuple[Check, bool]] = field(default_factory=dict)
    facts: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def add(self, name: str, check: Check, *, required: bool) -> None:
        self.checks[name] = (check, required)

    def tell(self, name: str, fact: Callable[[], Any]) -> None:
        """Add something that whoever runs the service may want to know. It must not be a secret."""
        self.facts[name] = fact

    async def report(self) -> tuple[int, dict[str, Any]]:
        names = list(self.checks)
        answers = await asyncio.gather(*(_answers(self.checks[name][0]) for name in names))
        down = [name for name, ok in zip(names, answers, strict=True) if not ok]
        failed = any(self.checks[name][1] for name in down)
        status = "unavailable" if failed else "degraded" if down else "ok"
        return (503 if failed else 200), {
            "status": status,
            "dependencies": {name: "down" if name in down else "ok" for name in names},
            **{name: fact() for name, fact in self.facts.items()},
        }


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except Exception:  # noqa: BLE001 - any failure means the same here
        return False
    return True


@router.get("/healthz", summary="Is the process alive?", response_model=Alive)
async def healthz() -> Response:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="Does it have what it needs?",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "It has not."}},
)
async def readyz(request: Request) -> Response:
    health: Health = request.app.state.health
    status, body = await health.report()
    return JSONResponse(body, status)
