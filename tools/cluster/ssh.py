"""The key that opens an environment's machines, and whether they answer."""

import socket
import time
from pathlib import Path

from tools.cluster.box import vagrant_home
from tools.cluster.inventory import Cluster
from tools.cluster.shell import output, succeeds


def ensure_key(cluster: Cluster) -> None:
    """Make the environment's key pair unless it is there. It goes with the machines."""
    public = cluster.key.with_suffix(".pub")
    if cluster.key.exists() and public.exists():
        return
    cluster.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = cluster.secrets / "ssh_key.new"
    for stale in (new, cluster.key, public):
        stale.unlink(missing_ok=True)
    comment = f"taskyard {cluster.env}"
    output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(new)])
    Path(f"{new}.pub").replace(public)
    new.replace(cluster.key)


def answers(address: str, patience: float) -> bool:
    """Whether an SSH server greets there within so many seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                connection.settimeout(2)
                if connection.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        time.sleep(0.3)
    return False


def lets_us_in(cluster: Cluster, address: str) -> bool:
    """With the environment's key, or with Vagrant's own, which a machine takes until it is provisioned."""
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "IdentitiesOnly=yes"]
    options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    options += ["-i", str(cluster.key), "-i", str(vagrant_home() / "insecure_private_key")]
    return succeeds(["ssh", *options, f"vagrant@{address}", "true"])
