"""What is removed of libvirt's machines and disks, and what is left alone."""

import subprocess
import time
from pathlib import Path

import pytest

from tools.cluster import libvirt
from tools.cluster.inventory import Cluster

BOX = "taskyard-VAGRANTSLASH-debian-12-0a1b2c3d_vagrant_box_image_0_1700000000_box.img"


class Libvirt:
    """Stands for libvirt: what it has, and what was taken from it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, domains: list[str], volumes: list[str]) -> None:
        self.domains, self.volumes = domains, volumes
        self.networks: list[str] = []
        lists = {"list": self.domains, "net-list": self.networks}
        monkeypatch.setattr(libvirt, "names", lambda listing, *_: list(lists[listing]))
        monkeypatch.setattr(libvirt, "volumes", lambda: list(self.volumes))
        monkeypatch.setattr(libvirt, "output", self.output)
        monkeypatch.setattr(libvirt, "run", lambda *_, **__: None)
        monkeypatch.setattr(libvirt, "destroy", self.destroy)
        monkeypatch.setattr(libvirt, "stop_if_ours_and_unused", lambda: False)

    def output(self, command: list[str], **_: object) -> str:
        if "vol-delete" in command:
            self.volumes.remove(command[-1])
        return ""

    def destroy(self, domain: str) -> None:
        self.domains.remove(domain)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A checkout with two machines, of which Vagrant has made one."""
    folder = tmp_path / "inventory" / "local"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(
        "all: {hosts: {app1: {ansible_host: 192.168.56.20}, data1: {ansible_host: 192.168.56.30}}}"
    )
    cluster = Cluster(root=tmp_path)
    made = cluster.dotfile / "machines" / "app1" / "libvirt" / "id"
    made.parent.mkdir(parents=True)
    made.touch()
    return cluster


def test_a_half_made_machine_is_removed_and_a_made_one_stays(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, half_made = cluster.machine("app1"), cluster.machine("data1")
    fake = Libvirt(
        monkeypatch, [made, half_made, "somebodys"], [f"{made}.img", f"{half_made}.img", BOX, "somebodys.img"]
    )
    libvirt.mend(cluster)
    assert fake.domains == [made, "somebodys"]
    assert fake.volumes == [f"{made}.img", BOX, "somebodys.img"]


def test_the_last_cluster_takes_the_boxes_disks_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = "taskyard-0a1b2c3d-app1", "taskyard-99999999-app1"
    fake = Libvirt(monkeypatch, [one, other, "somebodys"], [f"{one}.img", f"{other}.img", BOX, "debian.img"])
    libvirt.sweep("0a1b2c3d")
    assert (fake.domains, fake.volumes) == ([other, "somebodys"], [f"{other}.img", BOX, "debian.img"])
    libvirt.sweep("99999999")
    assert (fake.domains, fake.volumes) == (["somebodys"], ["debian.img"])


def test_disks_are_read_from_virshs_table(monkeypatch: pytest.MonkeyPatch) -> None:
    table = f" Name    Path\n-----------------\n {BOX}   /var/lib/libvirt/images/{BOX}\n a.img   /a.img\n\n"
    monkeypatch.setattr(libvirt, "output", lambda *_, **__: table)
    assert libvirt.volumes() == [BOX, "a.img"]
    monkeypatch.setattr(libvirt, "output", lambda *_, **__: "")
    assert libvirt.volumes() == []


def test_daemons_that_were_started_here_are_stopped_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(libvirt, "STARTED", tmp_path / "started")
    monkeypatch.setattr(libvirt, "answers", lambda: True)
    monkeypatch.setattr(libvirt, "names", lambda *_: [])
    monkeypatch.setattr(libvirt, "output", lambda command, **_: ended.append(command[-1]))
    with subprocess.Popen(["sleep", "60"]) as ours, subprocess.Popen(["tail", "-f"]) as reused:
        monkeypatch.setattr(libvirt, "DAEMONS", ("sleep",))
        # The last one is no process (Linux counts up to 2^22).
        libvirt.STARTED.write_text(f"{ours.pid}\n{reused.pid}\n99999999\n")
        eventually_named(ours.pid, "sleep")
        assert libvirt.stop_if_ours_and_unused()
        ours.kill()
        reused.kill()
    assert ended == [str(ours.pid), str(libvirt.STARTED)]


def eventually_named(pid: int, name: str) -> None:
    """Until the process that was begun is the program that was asked for."""
    while Path(f"/proc/{pid}/comm").read_text().strip() != name:
        time.sleep(0.01)
