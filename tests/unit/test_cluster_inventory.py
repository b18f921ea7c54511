"""What the inventory says about machines, and that the Vagrantfile understands it in the same way."""

import json
import platform
import shutil
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from tools.cluster import box, environments, host
from tools.cluster.inventory import ROOT, Cluster, Tree, hosts_of, merged, moved, without

HOSTS: Tree = {
    "all": {
        "hosts": {"web": {"ansible_host": "192.168.56.10"}, "db": {"ansible_host": "192.168.56.20"}},
        "children": {
            "services": {
                "vars": {"vagrant_memory": 256, "owner": "outer"},
                "children": {"web_servers": {"hosts": {"web": None}, "vars": {"owner": "inner"}}},
                "hosts": {"db": {"vagrant_memory": 2048}},
            }
        },
        "vars": {"vagrant_memory": 512, "service_address": "192.168.56.100"},
    }
}
OLD, NEW = IPv4Network("192.168.56.0/24"), IPv4Network("192.168.59.0/24")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A checkout with one environment in it."""
    folder = tmp_path / "inventory" / "local"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(HOSTS, sort_keys=False))
    return Cluster(root=tmp_path)


def test_a_later_file_wins_and_an_empty_entry_in_it_changes_nothing() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5, "e": 6}, "d": None}) == {
        "a": {"b": 5, "c": 2, "e": 6},
        "d": 3,
    }


def test_inner_groups_beat_outer_ones_and_the_hosts_own_variables_beat_both() -> None:
    hosts = hosts_of([HOSTS])
    assert (hosts["web"]["vagrant_memory"], hosts["web"]["owner"]) == (256, "inner")
    assert (hosts["db"]["vagrant_memory"], hosts["db"]["owner"]) == (2048, "outer")


def test_an_override_adds_to_a_host_without_repeating_the_rest(cluster: Cluster) -> None:
    cluster.override.write_text("all: {hosts: {db: {vagrant_memory: 4096}}}")
    assert cluster.hosts()["db"]["vagrant_memory"] == 4096
    assert cluster.hosts()["db"]["ansible_host"] == "192.168.56.20"


def test_machines_in_different_networks_are_refused(cluster: Cluster) -> None:
    cluster.override.write_text("all: {hosts: {db: {ansible_host: 192.168.57.20}}}")
    with pytest.raises(ValueError, match="must share one /24"):
        cluster.subnet()


def test_a_host_without_an_address_is_named(cluster: Cluster) -> None:
    cluster.override.write_text("all: {hosts: {extra: {}}}")
    with pytest.raises(ValueError, match="extra"):
        cluster.hosts()


def test_two_checkouts_and_two_environments_have_names_of_their_own(tmp_path: Path) -> None:
    clusters = [Cluster(env, tmp_path / checkout) for env in ("local", "e2e") for checkout in ("one", "two")]
    assert len({cluster.bridge for cluster in clusters}) == 4
    assert len({cluster.machine("app1") for cluster in clusters}) == 4
    assert len({cluster.dotfile for cluster in clusters}) == 4


def test_a_bridges_name_fits_into_what_linux_allows() -> None:
    assert len(Cluster("an-environment-with-a-long-name").bridge) <= 15


def test_moving_takes_every_address_of_the_network_along() -> None:
    change = moved(HOSTS, OLD, NEW)
    assert change["all"]["vars"] == {"service_address": "192.168.59.100"}
    assert change["all"]["hosts"]["db"] == {"ansible_host": "192.168.59.20"}


def test_taking_a_part_out_leaves_what_differs() -> None:
    assert without({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}, "d": 4}) == {"a": {"c": 2}, "d": 3}


def test_moving_there_and_back_leaves_no_trace(cluster: Cluster) -> None:
    environments.move(cluster, NEW, undone_by_down=True)
    assert cluster.subnet() == NEW
    environments.move_back(cluster)
    assert cluster.subnet() == OLD
    assert not cluster.override.exists()


def test_moving_keeps_the_users_own_override(cluster: Cluster) -> None:
    cluster.override.write_text(
        "# mine\nall: {hosts: {web: {ansible_host: 192.168.56.77}, db: {vagrant_memory: 9}}}\n"
    )
    environments.move(cluster, NEW, undone_by_down=True)
    assert cluster.hosts()["web"]["ansible_host"] == "192.168.59.77"
    assert cluster.hosts()["db"]["vagrant_memory"] == 9
    environments.move_back(cluster)
    assert cluster.hosts()["web"]["ansible_host"] == "192.168.56.77"
    assert cluster.hosts()["db"]["vagrant_memory"] == 9
    assert cluster.override.read_text().startswith("# mine\n")


def test_a_network_that_the_user_chose_outlasts_the_machines(cluster: Cluster) -> None:
    environments.move(cluster, NEW, undone_by_down=False)
    environments.remove(cluster)
    assert cluster.subnet() == NEW


def test_a_copied_environment_has_neither_secrets_nor_addresses_of_its_model(cluster: Cluster) -> None:
    environments.move(cluster, NEW, undone_by_down=True)
    cluster.secrets.mkdir()
    (cluster.secrets / "ssh_key").write_text("secret")
    copy = Cluster("e2e", cluster.root)
    environments.make(copy)
    assert copy.subnet() == OLD
    assert not copy.secrets.exists()
    environments.remove(copy)
    assert not copy.folder.exists()


@pytest.mark.skipif(shutil.which("ruby") is None, reason="Vagrant's Ruby is not installed")
def test_the_vagrantfile_reads_the_inventory_and_names_things_as_the_tools_do(cluster: Cluster) -> None:
    shutil.copy(ROOT / "Vagrantfile", cluster.root)
    shutil.copytree(box.RECIPE, cluster.root / "tools" / "box")
    (cluster.root / "tools" / "cluster").mkdir()
    shutil.copy(ROOT / "tools" / "cluster" / "inventory.rb", cluster.root / "tools" / "cluster")
    cluster.override.write_text(
        "all: {hosts: {db: {vagrant_memory: 4096}, more: {ansible_host: 192.168.56.9}}}"
    )
    script = """
        require "json"
        module Vagrant
          def self.has_plugin?(_) = false
          def self.configure(_) = nil
        end
        file = File.join(ARGV.fetch(0), "Vagrantfile")
        place = binding
        place.eval(File.read(file), file)
        hosts = place.local_variable_get(:hosts)
        puts JSON.generate(cluster: CLUSTER, boxes: BOXES, kvm: HAS_KVM, hosts: hosts)
    """
    done = subprocess.run(
        ["ruby", "-W0", "-e", script, str(cluster.root)], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    assert (said["cluster"], said["hosts"]) == (cluster.id, cluster.hosts())
    assert said["kvm"] == host.has_kvm()
    ours = {provider: box.name(provider) for provider in host.PROVIDERS if box.is_built_here(provider)}
    published = {"virtualbox": "bento/debian-12", "libvirt": "cloud-image/debian-12"}
    assert said["boxes"] == published | ours


def test_a_box_is_built_only_for_machines_that_are_given_no_other(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box, "is_debian", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert [provider for provider in host.PROVIDERS if box.is_needed(cluster, provider)] == ["libvirt", "lxc"]
    cluster.override.write_text("all: {vars: {vagrant_box: cloud-image/debian-12}}")
    assert not any(box.is_needed(cluster, provider) for provider in host.PROVIDERS)


def test_a_libvirt_box_is_published_where_it_cannot_be_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "is_debian", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert (box.is_built_here("lxc"), box.is_built_here("libvirt")) == (True, False)


def test_a_providers_box_changes_with_the_common_recipe_and_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box, "RECIPE", Path(shutil.copytree(box.RECIPE, tmp_path / "box")))
    lxc, libvirt = box.name("lxc"), box.name("libvirt")
    (box.RECIPE / "libvirt" / "packages").write_text("another-kernel\n")
    assert (box.name("lxc") == lxc, box.name("libvirt") == libvirt) == (True, False)
    (box.RECIPE / "packages").write_text("less\n")
    assert box.name("lxc") != lxc
