"""A mirror of Debian (port 80) and a proxy (port 3128): both get what is asked for by this machine's apt."""

import http.server
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

LOG = Path("/var/log/mirror.log")
SOURCES = subprocess.run(
    ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
    capture_output=True,
    check=True,
    text=True,
).stdout.split()


def source(path: str) -> str:
    """Where this machine gets it from: its own source with the same end."""
    place = path.split("/")[1]
    found = next(uri for uri in SOURCES if uri.rstrip("/").endswith(f"/{place}"))
    return found.rstrip("/") + path.removeprefix(f"/{place}")


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with LOG.open("a") as log:
            log.write(f"{self.connection.getsockname()[1]} {self.path}\n")
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            Path(folder).chmod(0o777)  # apt's own user writes it
            target = Path(folder) / "file"
            command = [
                "/usr/lib/apt/apt-helper",
                "download-file",
                source(urlsplit(self.path).path),
                str(target),
            ]
            found = subprocess.run(command, check=False).returncode == 0
            body = target.read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    servers = [http.server.ThreadingHTTPServer(("", port), Mirror) for port in (80, 3128)]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
