"""The smallest service: it tells what it sees, and says to systemd when it is ready."""

import http.server
import json
import os
import pathlib
import signal
import socket
import sys

if "ECHO_REFUSES" in os.environ:
    sys.exit("ECHO_REFUSES is set, so this will not start.")


class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        said: dict[str, object] = {
            name: value for name, value in os.environ.items() if name.startswith("ECHO_")
        }
        said["read_only"] = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
        said["key"] = pathlib.Path("/etc/taskyard/echo/key.pem").read_text()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(
    (os.environ["TASKYARD_HOST"], int(os.environ["TASKYARD_PORT"])), Echo
)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
    address = os.environ["NOTIFY_SOCKET"]
    notice.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
server.serve_forever()
