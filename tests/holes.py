"""What an analyser of Nginx configurations (gixy) has to say against one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# What it finds and we have decided, each with the reason.
ACCEPTED = {
    "host_spoofing": "No service uses Host: addresses in answers are made from the configured one.",
    "worker_rlimit_nofile_vs_connections": (
        "It asks for two files a connection. Only a large request that is under way has more than one, and"
        " most connections are idle. Twice as many are more than some containers allow: there Nginx would go"
        " on with 1024."
    ),
}


def holes(folder: Path, configuration: str) -> dict[str, str]:
    """What is found, with the lines that it is about."""
    file = folder / "nginx.conf"
    file.write_text(configuration)
    command = [str(Path(sys.executable).with_name("gixy")), "--format", "json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {found["plugin"]: found["config"] for found in json.loads(done.stdout)}
