"""Containers that Vagrant would stumble over after an interrupted run, put right before it starts."""

from tools.cluster import lxc, ssh
from tools.cluster.inventory import Cluster
from tools.cluster.lxc import Container
from tools.cluster.shell import say, stop


def mend(cluster: Cluster) -> None:
    hosts = cluster.hosts()
    for container in lxc.containers(cluster.id):
        address = hosts.get(container.host, {}).get("ansible_host")
        if address is None:
            say(f"{container.host} is no longer in the inventory: removing it")
            lxc.destroy(container.name)
        elif cluster.vagrant_id(container.host) is None:
            say(f"{container.host} was being made when a run was interrupted: making it anew")
            lxc.destroy(container.name)
        elif container.state == "RUNNING":
            mend_running(cluster, container, address)
        elif container.state != "STOPPED":
            lxc.kill(container.name)


def mend_running(cluster: Cluster, container: Container, address: str) -> None:
    """A machine that once was laid out may hold data: it is restarted at most, never made anew."""
    reachable = ssh.answers(address, patience=20)
    if reachable and ssh.lets_us_in(cluster, address):
        return
    if not laid_out(cluster, container.host):
        say(f"{container.host} runs but cannot be reached: making it anew")
        lxc.destroy(container.name)
    elif not reachable:
        say(f"{container.host} runs but does not answer: restarting it")
        lxc.kill(container.name)
    else:
        stop(
            f"{container.host} does not accept this environment's key ({cluster.key}).",
            "To make all machines anew, without their data: "
            f"{cluster.command('down')} && {cluster.command('up')}",
        )


def laid_out(cluster: Cluster, host: str) -> bool:
    """Whether Ansible has gone through since this machine was made (the Vagrantfile asks the same)."""
    made, done = cluster.vagrant_id(host), cluster.dotfile / "provisioned"
    return made is not None and done.exists() and made.stat().st_mtime < done.stat().st_mtime
