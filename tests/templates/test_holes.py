"""What an analyser of Nginx configurations (gixy) has to say about ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.holes import ACCEPTED, holes
from tests.templates.test_rendered import MANY, NGINX_FOR_TESTS, rendered

pytestmark = pytest.mark.xdist_group("rendered")


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("holes")
    places = {f"_nginx_{kind}_dir": str(folder) for kind in ("run", "log", "state")}
    options = {"nginx_trusted_proxies": ["10.0.9.1"], "cors_origins": ["https://a.example"]}
    rendered(folder, MANY, "gateway1", **NGINX_FOR_TESTS, **places, **options)
    return (folder / "gateway1" / "nginx.conf").read_text()


def test_the_gateways_configuration_has_no_hole_that_was_not_decided(
    tmp_path: Path, configuration: str
) -> None:
    found = holes(tmp_path, configuration)
    assert found.keys() == ACCEPTED.keys(), found


def test_a_hole_is_found(tmp_path: Path, configuration: str) -> None:
    split = configuration.replace("return 404;", "return 301 https://tasks.example.org$uri;", 1)
    assert "http_splitting" in holes(tmp_path, split)
