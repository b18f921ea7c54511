"""The libvirt provider beneath Vagrant: its daemons, what is there of a cluster, taking it away."""

import getpass
import re
from pathlib import Path

from tools.cluster.inventory import Cluster
from tools.cluster.shell import output, run, say, stop, succeeds

VIRSH = ("virsh", "--connect", "qemu:///system")
# Without systemd they are started and stopped here, in this order; QEMU writes its log through the first.
DAEMONS = ("virtlogd", "libvirtd")
# A note that we started them, with their process ids. Gone after a reboot, like the daemons.
STARTED = Path("/run/taskyard-libvirt")
# Vagrant copies a box's disk to this pool, and makes each machine's disk a difference to it.
POOL = "default"
BOX_DISK = re.compile(r"taskyard-VAGRANTSLASH-debian-12-[0-9a-f]{8}_vagrant_box_image_\S+\.img")


def names(*listing: str) -> list[str]:
    """What a listing of virsh names; empty too when libvirt is not there."""
    return output([*VIRSH, *listing, "--name"], check=False).split()


def volumes() -> list[str]:
    """The disks in Vagrant's pool."""
    lines = output([*VIRSH, "vol-list", POOL], check=False).splitlines()[2:]
    return [line.split()[0] for line in lines if line.strip()]


def networks() -> dict[str, str]:
    """Each network's XML by its name."""
    return {name: output([*VIRSH, "net-dumpxml", name], check=False) for name in names("net-list", "--all")}


def answers() -> bool:
    return succeeds([*VIRSH, "version"])


def start() -> None:
    """See to it that libvirt answers, or say what to type."""
    if answers():
        return
    if not succeeds([*VIRSH, "version"], root=True):
        say("starting libvirt, which runs the machines")
        if Path("/run/systemd/system").exists():
            run(["systemctl", "start", "libvirtd"], root=True)
        else:
            commands = "".join(f"pidof -q {daemon} || {daemon} --daemon\n" for daemon in DAEMONS)
            pids = "".join(f'echo "$(cat /run/{daemon}.pid)"\n' for daemon in DAEMONS)  # one a line
            output(["sh", "-c", f"set -eu\n{commands}{{\n{pids}}} > {STARTED}"], root=True)
    if not answers():
        stop(
            f"libvirt is there, but {getpass.getuser()} may not use it. Type this, then log in again:",
            f"sudo adduser {getpass.getuser()} libvirt",
        )


def stop_if_ours_and_unused() -> bool:
    """Stop the daemons that `start` started, when no machine is left of anybody."""
    if not STARTED.exists() or not answers() or names("list", "--all"):
        return False
    for pid in reversed(STARTED.read_text().split()):
        command = Path(f"/proc/{pid}/comm")
        if command.exists() and command.read_text().strip() in DAEMONS:
            output(["kill", pid], root=True, check=False)
    output(["rm", "-f", str(STARTED)], root=True)
    return True


def domains(cluster_id: str = "[0-9a-f]{8}") -> list[str]:
    """The machines of one cluster, or of all clusters of all checkouts, as libvirt calls them."""
    return [name for name in names("list", "--all") if re.match(f"taskyard-{cluster_id}-", name)]


def destroy(domain: str) -> None:
    """Remove a machine with its disk."""
    succeeds([*VIRSH, "destroy", domain])
    run([*VIRSH, "undefine", domain, "--remove-all-storage"])


def mend(cluster: Cluster) -> None:
    """Remove what an interrupted run left without a note of Vagrant's, which would stumble over it."""
    made = {cluster.machine(host) for host in cluster.hosts() if cluster.vagrant_id(host)}
    for domain in domains(cluster.id):
        if domain not in made:
            say(f"{domain} is half made, or no longer in the inventory: removing it")
            destroy(domain)
    remove_disks(f"{cluster.machine('')}\\S+\\.img", but_of=made)


def remove_disks(pattern: str, but_of: set[str]) -> None:
    for volume in volumes():
        if re.fullmatch(pattern, volume) and volume.removesuffix(".img") not in but_of:
            output([*VIRSH, "vol-delete", "--pool", POOL, volume])


def sweep(cluster_id: str) -> None:
    """Remove a cluster's machines, disks and network by its id alone; box disks and daemons when unused."""
    for domain in domains(cluster_id):
        say(f"removing the machine {domain}")
        destroy(domain)
    remove_disks(rf"taskyard-{cluster_id}-\S+\.img", but_of=set())
    network = f"taskyard-{cluster_id}"
    if network in names("net-list", "--all"):
        succeeds([*VIRSH, "net-destroy", network])
        run([*VIRSH, "net-undefine", network])
    if not domains():
        remove_disks(BOX_DISK.pattern, but_of=set())
    if stop_if_ours_and_unused():
        say("stopped libvirt")
