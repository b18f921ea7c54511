"""The bill of materials of a bundle: which packages lie in it, of which versions, and who wants them.

It is a CycloneDX document (https://cyclonedx.org/docs/1.6/json/) in the bundle that it describes. It carries
no time and no random number: the same packages give the same bytes.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from tools.packages import FetchError

FILE = "sbom.cdx.json"
SPECIFICATION = SchemaVersion.V1_6
# In a lock file: a pin, a hash of it, and who wants it (a package, or with -r a file of ours).
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
WANTED_BY = re.compile(r"^    # (?:via |  )(\S.*)$")


@dataclass
class Pin:
    """What a lock file says of a package: the SHA-256 of each file that it allows, and who wants it."""

    hashes: list[str]
    wanted_by: list[str]


def same_name(name: str) -> str:
    """A name as names are compared (https://packaging.python.org/en/latest/specifications/name-normalization/)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[tuple[str, str], Pin]:
    """Every pin by name and version: also those that are for other systems."""
    pins: dict[tuple[str, str], Pin] = {}
    for line in text.splitlines():
        if found := PIN.match(line):
            pins[same_name(found[1]), found[2]] = pin = Pin([], [])
        elif pins:
            pin.hashes += HASH.findall(line)
            pin.wanted_by += WANTED_BY.findall(line)
    return pins


def unpacked(folder: Path) -> list[tuple[str, str]]:
    """Name and version of each package in a site-packages, sorted."""
    return sorted((same_name(found.name), found.version) for found in distributions(path=[str(folder)]))


def component(name: str, version: str, hashes: Iterable[str]) -> Component:
    """A package of PyPI's. It is one of the files with these hashes: the one for the machine's system."""
    purl = PackageURL("pypi", name=name, version=version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{name}/{version}/#files"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes],
        comment="The package is one of the files with these hashes.",
    )
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        external_references=[files],
    )


def bill(version: str, packages: Sequence[tuple[str, str]], lock: str) -> str:
    """The document about a release (JSON).

    Args:
        version: the release's.
        packages: name and version of each package in it.
        lock: the content of the lock file that they were unpacked from.

    Raises:
        FetchError: the lock file does not have one of them.
    """
    pins = read_lock(lock)
    if strangers := sorted(set(packages) - pins.keys()):
        raise FetchError(f"these are in the bundle, and no pin says so: {strangers}")
    release = Component(
        type=ComponentType.APPLICATION, name="taskyard", version=version, bom_ref=f"taskyard@{version}"
    )
    parts = {name: component(name, its, pins[name, its].hashes) for name, its in packages}
    document = Bom(metadata=BomMetaData(component=release), components=parts.values())
    for name, its in packages:
        for wants in pins[name, its].wanted_by:
            # Others that want it may be for other systems.
            if wanting := release if wants.startswith("-r ") else parts.get(wants):
                document.register_dependency(wanting, [parts[name]])
    content = json.loads(make_outputter(document, OutputFormat.JSON, SPECIFICATION).output_as_string())
    del content["serialNumber"], content["metadata"]["timestamp"]
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
