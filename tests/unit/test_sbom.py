"""A release's bill of materials says what is in it: all of it, nothing else, always in the same words."""

import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from tools import bundle, sbom
from tools.packages import FetchError

LOCK = """\
async-timeout==5.0.1 ; python_full_version < '3.11.3' \\
    --hash=sha256:{a}
    # via redis
redis==8.1.0 \\
    --hash=sha256:{b} \\
    --hash=sha256:{c}
    # via
    #   -r requirements/app.in
    #   gone
typing_extensions==4.16.0 \\
    --hash=sha256:{d}
    # via
    #   gone
    #   redis
""".format(**{letter: letter * 64 for letter in "abcd"})


def read(version: str, *packages: tuple[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom.bill(version, packages, LOCK))
    return document


def test_a_package_has_its_version_its_purl_and_the_hashes_that_its_pin_allows() -> None:
    document = read("1.2.3+abc", ("redis", "8.1.0"))
    (redis,) = document["components"]
    assert (redis["name"], redis["version"], redis["purl"]) == ("redis", "8.1.0", "pkg:pypi/redis@8.1.0")
    (files,) = redis["externalReferences"]
    assert sorted(each["content"] for each in files["hashes"]) == ["b" * 64, "c" * 64]
    assert document["metadata"]["component"]["version"] == "1.2.3+abc"


def test_it_says_who_wants_what_of_those_that_are_there() -> None:
    document = read("1", ("redis", "8.1.0"), ("typing-extensions", "4.16.0"))
    wants = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    redis, typing = "pkg:pypi/redis@8.1.0", "pkg:pypi/typing-extensions@4.16.0"
    assert wants == {"taskyard@1": [redis], redis: [typing], typing: []}


@pytest.mark.parametrize("stranger", [("redis", "8.0.0"), ("left-pad", "1.0")])
def test_what_is_not_pinned_is_no_release(stranger: tuple[str, str]) -> None:
    with pytest.raises(FetchError, match=stranger[0]):
        sbom.bill("1", [("redis", "8.1.0"), stranger], LOCK)


def test_the_same_packages_give_the_same_bytes() -> None:
    one, other = ("redis", "8.1.0"), ("typing-extensions", "4.16.0")
    assert sbom.bill("1", [one, other], LOCK) == sbom.bill("1", [other, one], LOCK)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tarfile.TarFile]:
    """A release for the Python and the machine that Debian 12 has, built anew."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundle, "CACHE", tmp_path_factory.mktemp("bundles"))
        _, path = bundle.build("app", "3.11.2", "x86_64")
    with tarfile.open(path) as tar:
        yield tar


@pytest.fixture(scope="module")
def packed(release: tarfile.TarFile) -> str:
    """The bill of materials in it."""
    file = release.extractfile("sbom.cdx.json")
    assert file
    return file.read().decode()


def test_a_release_lists_the_packages_that_are_in_it_and_no_others(
    release: tarfile.TarFile, packed: str
) -> None:
    folders = re.findall(
        r"^site-packages/([^/]+)-([^-/]+)\.dist-info$", "\n".join(release.getnames()), re.MULTILINE
    )
    listed = {(each["name"], each["version"]) for each in json.loads(packed)["components"]}
    assert len(folders) > 20
    assert listed == {(sbom.same_name(name), version) for name, version in folders}


def test_a_release_is_a_document_that_others_can_read(packed: str) -> None:
    assert JsonStrictValidator(sbom.SPECIFICATION).validate_str(packed) is None
