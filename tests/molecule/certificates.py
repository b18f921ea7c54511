"""The certificates of a scenario's machines, and of what listens there."""

from __future__ import annotations

from cryptography import x509
from testinfra.host import Host

# Prints what the server at this port of the machine shows, verified against the authorities in a file.
_SHOWN = """
import socket, ssl, sys
port, authorities, protocol = sys.argv[1:]
context = ssl.create_default_context(cafile=authorities or None)
context.check_hostname = bool(authorities)
context.verify_mode = ssl.CERT_REQUIRED if authorities else ssl.CERT_NONE
if protocol:
    context.maximum_version = context.minimum_version = ssl.TLSVersion[protocol]
    context.set_ciphers("ALL:@SECLEVEL=0")
with socket.create_connection(("127.0.0.1", int(port))) as plain:
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        print(ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True)))
"""


def in_file(machine: Host, path: str) -> x509.Certificate:
    """The first certificate in a file of the machine."""
    return x509.load_pem_x509_certificate(
        machine.check_output("sed -n '/BEGIN CERT/,/END CERT/p' %s", path).encode()
    )


def served(machine: Host, port: int, authorities: str = "") -> x509.Certificate:
    """What is shown there, as whoever believes these authorities accepts it; without any, whatever it is."""
    shown = machine.check_output("python3 -c %s %s %s ''", _SHOWN, str(port), authorities)
    return x509.load_pem_x509_certificate(shown.encode())


def spoken(machine: Host, port: int) -> set[str]:
    """The versions of TLS that the server speaks."""
    versions = ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3")
    return {
        version
        for version in versions
        if machine.run("python3 -c %s %s '' %s", _SHOWN, str(port), version).succeeded
    }


def names(certificate: x509.Certificate) -> set[str]:
    """Whom it is for: names and addresses."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}
