"""What is measured, and how a unit is brought to it: by an addition in /run.

Ansible's files stay as they are, and a reboot takes the additions away, whatever happened here.
"""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "/run/taskyard-cost"
# systemd reads additions in the order of their names: this is after ours (taskyard.conf).
ADDITION = "zz-cost.conf"
NGINX_CONF = f"{FOLDER}/nginx.conf"
TASKS_ENV = f"{FOLDER}/tasks.env"
# Each option of systemd.exec(5) with which the units are shut in, as if it were not there.
NO_SANDBOX = [
    "CapabilityBoundingSet=~",
    "DevicePolicy=auto",
    *("ExecPaths=", "NoExecPaths=", "ReadWritePaths="),
    *(
        f"{option}=no"
        for option in (
            *("LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges"),
            *("PrivateDevices", "PrivateTmp", "PrivateUsers"),
            *("ProtectClock", "ProtectControlGroups", "ProtectHome", "ProtectHostname"),
            *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectSystem"),
            *("RemoveIPC", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        )
    ),
    *("ProcSubset=all", "ProtectProc=default"),
    *("RestrictAddressFamilies=", "SystemCallArchitectures=", "SystemCallErrorNumber=", "SystemCallFilter="),
]


@dataclass(frozen=True)
class Variant:
    """A cluster that lacks some of what protects it."""

    name: str
    gateway_tls: bool = True
    redis_tls: bool = True
    sandbox: bool = True


@dataclass(frozen=True)
class Part:
    """Servers on the hot path: the inventory's group, the unit, and its running instances."""

    name: str
    group: str
    unit: str
    instances: str


REDIS = Part("Redis", "redis", "redis-server", "redis-server.service")
TASKS = Part("task instances", "task_service", "taskyard-tasks@", "taskyard-tasks@*.service")
NGINX = Part("Nginx", "gateway", "nginx", "nginx.service")
# In the order in which they are started: each after those that it asks.
PARTS = (REDIS, TASKS, NGINX)

DELIVERED = Variant("as delivered")
VARIANTS = (
    DELIVERED,
    Variant("without TLS at the gateway", gateway_tls=False),
    Variant("without TLS to Redis", redis_tls=False),
    Variant("without the sandbox", sandbox=False),
    Variant("without all three", gateway_tls=False, redis_tls=False, sandbox=False),
)


def added(part: Part, variant: Variant, redis_port: int) -> list[str]:
    """What is added to a part's unit. Redis in the clear has the port that the firewall lets in."""
    lines = [] if variant.sandbox else NO_SANDBOX
    if part == NGINX:
        daemon = "-g 'daemon on; master_process on;'"
        return [*lines, "ExecStart=", f"ExecStart=/usr/sbin/nginx -c {NGINX_CONF} {daemon}"]
    if part == TASKS:
        return [*lines, f"EnvironmentFile={TASKS_ENV}"]
    if variant.redis_tls:
        return lines
    clear = f"--port {redis_port} --tls-port 0 --supervised systemd --daemonize no"
    return [*lines, "ExecStart=", f"ExecStart=/usr/bin/redis-server /etc/redis/redis.conf {clear}"]


def write(path: str, content: str) -> str:
    """Shell: a file that root alone can read."""
    return f"mkdir -p {path.rpartition('/')[0]}\ncat >{path} <<'END'\n{content.rstrip()}\nEND\n"


# sed: Redis's address as the instances have it, without TLS.
IN_THE_CLEAR = 's,^\\(TASKYARD_TASKS_REDIS_URL=.\\)rediss://,\\1redis://,;s,?ssl_ca_certs=[^"]*,,'
# sed: so patient that a busy computer makes no MISS of a HIT. It is the same in all variants.
PATIENT = "s,^\\(TASKYARD_TASKS_REDIS_TIMEOUT_MS\\)=.*,\\1=1000,"


def tasks_env(variant: Variant) -> str:
    """Shell: the instances' settings of Redis. There is a password in them: they stay on the machine."""
    change = PATIENT if variant.redis_tls else f"{PATIENT};{IN_THE_CLEAR}"
    command = f"sed -n '/^TASKYARD_TASKS_REDIS/{{{change};p}}' /etc/taskyard/tasks.env"
    return f"mkdir -p {FOLDER}\n{command} >{TASKS_ENV}\n"


def switch(part: Part, variant: Variant, redis_port: int, nginx_conf: str) -> str:
    """Shell: run a part as a variant has it."""
    script = "set -eu\numask 077\n"
    if part == NGINX:
        script += write(NGINX_CONF, nginx_conf)
    if part == TASKS:
        script += tasks_env(variant)
    lines = ["[Service]", *added(part, variant, redis_port)]
    script += write(f"/run/systemd/system/{part.unit}.service.d/{ADDITION}", "\n".join(lines))
    return f"{script}systemctl daemon-reload\nsystemctl restart '{part.instances}'\n"


def put_back(part: Part) -> str:
    """Shell: run a part as it was, if anything was added to it."""
    folder = f"/run/systemd/system/{part.unit}.service.d"
    return (
        f"set -eu\nrm -rf {FOLDER}\n[ -e {folder}/{ADDITION} ] || exit 0\nrm {folder}/{ADDITION}\n"
        f"rmdir --ignore-fail-on-non-empty {folder}\n"
        f"systemctl daemon-reload\nsystemctl restart '{part.instances}'\n"
    )


def look(part: Part) -> str:
    """Shell: the main processes and how many filters of system calls each has, then all processes' times."""
    units = f"systemctl list-units --plain --no-legend --state=active '{part.instances}'"
    return (
        f"for unit in $({units} | cut -d' ' -f1); do\n"
        "  pid=$(systemctl show --property=MainPID --value $unit)\n"
        "  echo main $pid $(sed -n 's/^Seccomp_filters://p' /proc/$pid/status)\n"
        "done\n"
        "echo outside $(sed -n 's/^Seccomp_filters://p' /proc/1/status)\n"
        "cat /proc/[0-9]*/stat 2>/dev/null || true\n"
    )
