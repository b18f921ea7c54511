"""On what is measured, and with what."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path


def processor() -> str:
    """This computer's processor, as it calls itself, and how many there are."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} of its processors here"


def client() -> str:
    """The load generator and its version. It ends with 1 when it is asked for it."""
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return " ".join(said.split()[:2])
