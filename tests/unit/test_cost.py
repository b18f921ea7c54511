"""What `make cost` reads from machines and from its load generator, and what it makes of it."""

import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.bench.measure import Sample
from tests.cost.bench import Bench, restored
from tests.cost.machines import Seen, read
from tests.cost.table import cost_table
from tests.cost.variants import DELIVERED, FOLDER, NO_SANDBOX, VARIANTS, Variant, tasks_env
from tools import smoke
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError
from tools.packages import ROOT

OTHER_FIELDS = "S {parent} 7 7 0 -1 4194560 1 0 0 0 {user} {system} 900 900 20 0 1 0 5 6 7"


def process(pid: int, name: str, parent: int, user: int, system: int) -> str:
    """A line of /proc/<pid>/stat."""
    return f"{pid} ({name}) " + OTHER_FIELDS.format(parent=parent, user=user, system=system)


PROCESSES = "\n".join(
    [
        process(70, "nginx", 1, 1, 2),
        process(71, "nginx) S 70 9 (", 70, 100, 200),
        process(80, "nginx", 1, 5000, 5000),
        process(700, "sh", 7, 5000, 5000),
    ]
)


def test_the_time_of_a_server_is_its_main_processes_and_their_childrens() -> None:
    assert read(f"main 70 35\noutside 1\n{PROCESSES}") == Seen(cpu_seconds=3.03, is_in_sandbox=True)


@pytest.mark.parametrize(
    ("filters", "outside", "is_in_sandbox"), [(1, 1, False), (0, 0, False), (1, 0, True)]
)
def test_the_filters_of_a_container_are_no_sandbox(filters: int, outside: int, is_in_sandbox: bool) -> None:
    seen = read(f"main 70 {filters}\nmain 80 {filters}\noutside {outside}\n{PROCESSES}")
    assert seen.is_in_sandbox is is_in_sandbox


@pytest.mark.parametrize("main", ["main 70 35\nmain 80 1\n", ""])
def test_processes_that_are_not_alike_are_no_variant(main: str) -> None:
    with pytest.raises(StopError, match="not all alike"):
        read(f"{main}outside 1\n{PROCESSES}")


def test_a_ratio_is_the_median_of_those_inside_the_rounds() -> None:
    def samples(*nginx: float) -> list[Sample]:
        return [Sample({"Nginx": micros, "task instances": 0, "Redis": 0}, 1, 1, 1) for micros in nginx]

    table = cost_table({DELIVERED: samples(100, 400, 200), VARIANTS[1]: samples(50, 100, 180)})
    assert list(table)[2:] == [
        "| as delivered | 200 | 0 | 0 | 200 | 1.00 (1.00-1.00) |",
        "| without TLS at the gateway | 100 | 0 | 0 | 100 | 0.50 (0.25-0.90) |",
    ]


def sandboxes() -> set[str]:
    """The options with which our units, and those of others by us, are shut in."""
    unit = (ROOT / "roles/app_service/templates/service.j2").read_text()
    own = unit.partition("# It needs the network")[2].partition("[Install]")[0]
    variables = [
        yaml.safe_load((ROOT / f"roles/{role}/vars/main.yml").read_text()) for role in ("nginx", "redis")
    ]
    lines = [*own.splitlines()[1:], *variables[0]["_nginx_sandbox"], *variables[1]["_redis_sandbox"]]
    return {line.partition("=")[0] for line in lines if line}


def test_without_the_sandbox_none_of_its_options_is_left() -> None:
    # These two take no time: no capability is added, and the mode of new files.
    assert sandboxes() - {line.partition("=")[0] for line in NO_SANDBOX} == {"AmbientCapabilities", "UMask"}


SETTINGS = """\
TASKYARD_TASKS_MONGODB_URI="mongodb://tasks:x@data1:27017/tasks?tls=true&tlsCAFile=/etc/authorities.pem"
TASKYARD_TASKS_REDIS_TIMEOUT_MS="50"
TASKYARD_TASKS_REDIS_URL="rediss://tasks:p%2Fw@192.168.56.30:6379/0?ssl_ca_certs=/etc/authorities.pem"
"""


@pytest.mark.parametrize(
    ("variant", "url"),
    [
        (DELIVERED, "rediss://tasks:p%2Fw@192.168.56.30:6379/0?ssl_ca_certs=/etc/authorities.pem"),
        (VARIANTS[2], "redis://tasks:p%2Fw@192.168.56.30:6379/0"),
    ],
)
def test_the_instances_are_told_another_address_where_redis_has_no_tls(
    tmp_path: Path, variant: Variant, url: str
) -> None:
    (tmp_path / "tasks.env").write_text(SETTINGS)
    script = tasks_env(variant).replace(FOLDER, str(tmp_path / "run")).replace("/etc/taskyard", str(tmp_path))
    subprocess.run(["sh", "-eu"], input=script, text=True, check=True)
    written = (tmp_path / "run/tasks.env").read_text().splitlines()
    assert written == ["TASKYARD_TASKS_REDIS_TIMEOUT_MS=1000", f'TASKYARD_TASKS_REDIS_URL="{url}"']


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_asked_to_end_puts_the_cluster_back_first(number: int) -> None:
    told: list[str] = []

    class Told(Bench):
        def put_back(self) -> None:
            told.append("put back")

    def work() -> None:
        bench = Told(Cluster("local"), smoke.Cluster("https://192.168.56.10", 3))
        with restored(bench):
            bench.go_on()
            signal.raise_signal(number)
            told.append("what was under way is done")
            bench.go_on()
            told.append("the next variant")

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert told == ["what was under way is done", "put back"]
    assert signal.getsignal(number) == before
