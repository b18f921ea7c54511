"""The packages that a release has, and no others: those of a developer take memory, too."""

from __future__ import annotations

import compileall
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

from tools import bundle
from tools.packages import ROOT

_CACHE = ROOT / ".cache" / "bench" / "releases"


def packages_of_a_release() -> Path:
    """The folder with them, for PYTHONPATH, made when it is not there. Raises FetchError."""
    version, path = bundle.build("app", platform.python_version(), platform.machine())
    folder = _CACHE / version / "site-packages"
    if folder.exists():
        return folder
    shutil.rmtree(_CACHE, ignore_errors=True)  # those of former versions
    _CACHE.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as scratch, tarfile.open(path) as tar:
        tar.extractall(scratch, filter="data")
        compileall.compile_dir(f"{scratch}/site-packages", quiet=2)
        folder.parent.mkdir()
        Path(scratch, "site-packages").rename(folder)
    return folder
