"""Is what a server shows the certificate in its file?

    served.py FILE ADDRESS PORT SECONDS

Waits for so long until it shows one. Prints {"is_another", "certificate", "reason"}.
"""

import json
import socket
import ssl
import sys
import time
from pathlib import Path

PAUSE_SECONDS = 0.25
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def in_file(path):
    """The first one in it (PEM)."""
    try:
        return BEGIN + Path(path).read_text().split(BEGIN, 1)[1].split(END, 1)[0] + END
    except (OSError, IndexError) as error:
        sys.exit(f"{path} has no certificate that could be read: {error}")


def served(address, port):
    """What the server shows (DER). Nothing is verified: it is compared."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((address, port), timeout=5) as plain,
        context.wrap_socket(plain) as connection,
    ):
        return connection.getpeercert(binary_form=True) or b""


file, where, number, seconds = sys.argv[1:]
certificate = in_file(file)
shown, reason, give_up = b"", "", time.monotonic() + int(seconds)
while not shown:
    try:
        shown = served(where, int(number))
    except OSError as error:
        if time.monotonic() >= give_up:
            reason = str(error)
            break
        time.sleep(PAUSE_SECONDS)
is_another = bool(shown) and shown != ssl.PEM_cert_to_DER_cert(certificate)
print(json.dumps({"is_another": is_another, "certificate": certificate, "reason": reason}))
