"""/docs: Swagger UI from this service alone. No CDN, and no script that is not a file of ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response

from app.common.strict_json import StrictRoute
from app.docs.combined import document

router = APIRouter(prefix="/docs", route_class=StrictRoute, include_in_schema=False)

_PAGE = Path(__file__).parent / "page"
_SWAGGER_UI = Path(fastapi_offline.__file__).parent / "static"
_ASSETS = {
    path.name: path
    for path in (
        _PAGE / "start.js",
        _PAGE / "page.css",
        _SWAGGER_UI / "swagger-ui-bundle.js",
        _SWAGGER_UI / "swagger-ui.css",
        _SWAGGER_UI / "favicon.png",
    )
}
# Swagger UI has its icons as data: addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOREVER = "public, max-age=31536000, immutable"


def _digest() -> str:
    total = hashlib.sha256()
    for path in _ASSETS.values():
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


_VERSION = _digest()
_HTML = (_PAGE / "index.html").read_text(encoding="utf-8").replace("VERSION", _VERSION)


@router.get("")
async def page() -> Response:
    return HTMLResponse(_HTML, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


@router.get("/openapi.json")
async def combined_document() -> Response:
    return JSONResponse(document(), headers={"Cache-Control": "no-cache"})


@router.get("/assets/{name}")
async def asset(name: str, v: str = "") -> Response:
    """A file of the page. Of this release it never changes; another release's page asks for another `v`."""
    if name not in _ASSETS:
        raise HTTPException(404)
    caching = _FOREVER if v == _VERSION else "no-cache"
    return FileResponse(_ASSETS[name], headers={"Cache-Control": caching})
