"""An environment's files: made on demand from another one, and changed for this computer alone.

Changes go to override.yml, which Ansible and the Vagrantfile read after hosts.yml. Other keys of it stay,
and so do its comment lines at the top.
"""

import shutil
from ipaddress import IPv4Network

import yaml

from tools.cluster.inventory import Cluster, Tree, load, merged, moved, without
from tools.cluster.shell import stop

# Environments that are copies of another one, and go with their machines.
MADE_FROM = {"bench": "local", "e2e": "local"}
# In all.vars of an override.yml: the subnet that the addresses were moved from by us, and go back to.
MARK = "moved_from_subnet"
HEADER = "# Changes for this computer alone, written by tools/cluster.\n"


def make(cluster: Cluster) -> None:
    """Copy an environment that is made on demand, without its model's secrets and addresses."""
    model = MADE_FROM.get(cluster.env)
    if model is None:
        if not (cluster.folder / "hosts.yml").exists():
            stop(f"there is no {cluster.folder}/hosts.yml")
        return
    source = Cluster(model, cluster.root)
    ignore = shutil.ignore_patterns(source.secrets.name, source.override.name)
    shutil.copytree(source.folder, cluster.folder, ignore=ignore, dirs_exist_ok=True)
    kept = {name: value for name, value in source.variables().items() if name.startswith("vagrant_")}
    if kept and not cluster.override.exists():
        write_override(cluster, {"all": {"vars": kept}})


def remove(cluster: Cluster) -> None:
    """Undo what was made for the machines: secrets, moved addresses, the environment if it is a copy."""
    shutil.rmtree(cluster.secrets, ignore_errors=True)
    if cluster.env in MADE_FROM:
        shutil.rmtree(cluster.folder, ignore_errors=True)
    else:
        move_back(cluster)


def write_override(cluster: Cluster, tree: Tree) -> None:
    text = cluster.override.read_text() if cluster.override.exists() else HEADER
    comments = [line for line in text.splitlines(keepends=True) if line.startswith("#")]
    new = cluster.override.with_name(".override.new")
    new.write_text("".join(comments) + yaml.safe_dump(tree, sort_keys=False))
    new.replace(cluster.override)


def move(cluster: Cluster, new: IPv4Network, *, undone_by_down: bool) -> None:
    """Write the cluster's addresses, moved into another /24, to override.yml."""
    move_back(cluster)
    old = cluster.subnet()
    change = moved(cluster.inventory(), old, new)
    if undone_by_down:
        change = merged(change, {"all": {"vars": {MARK: str(old)}}})
    write_override(cluster, merged(load(cluster.override), change))


def move_back(cluster: Cluster) -> None:
    """Take our part out of override.yml; the file goes when nothing else is in it."""
    override = load(cluster.override)
    mark = ((override.get("all") or {}).get("vars") or {}).get(MARK)
    if mark is None:
        return
    old = IPv4Network(mark)
    restored = merged(override, moved(override, cluster.subnet(), old))
    said_before = moved(cluster.inventory_without_override(), old, old)
    rest = without(restored, merged(said_before, {"all": {"vars": {MARK: mark}}}))
    if rest:
        write_override(cluster, rest)
    else:
        cluster.override.unlink()
