"""DevSec's linux-baseline: files, accounts, the kernel's settings, and packages."""

from __future__ import annotations

from collections.abc import Iterator

from testinfra.host import Host

from tests.baselines.controls import Baseline, Check, differing, lines, mode_problems

WAIVERS = {
    "os-05 PASS_": (
        "Passwords do not expire: one that has to be changed every two months is a weaker one (NIST SP "
        "800-63B, 3.1.1)."
    ),
    "os-05b": "It is for Red Hat alone.",
    "os-06": (
        "ssh-keysign comes with Debian's client, and does nothing as long as host-based sign-in is off "
        "(sshd-25, ssh-13)."
    ),
    "os-10 vfat": "vfat stays, since machines boot from it (EFI).",
    "os-14": (
        "How disks are divided and mounted is decided when a server is installed, not by a cluster's "
        "playbook."
    ),
    "os-15": (
        "How disks are divided and mounted is decided when a server is installed, not by a cluster's "
        "playbook."
    ),
    "os-16": (
        "How disks are divided and mounted is decided when a server is installed, not by a cluster's "
        "playbook."
    ),
    "os-12": (
        "What a processor lacks is mended by its maker's microcode and the kernel's updates, not by this "
        "project."
    ),
    "sysctl-01": "Whatever turned forwarding on, such as containers or a VPN, needs it.",
    "sysctl-02": "Strict filtering drops answers on servers with two ways out; the loose one (2) is set.",
    "sysctl-07": (
        "Without timestamps TCP cannot tell old segments from new ones on fast connections (RFC 7323)."
    ),
    "sysctl-19": "Whatever turned forwarding on, such as containers or a VPN, needs it.",
    "package-08": "Who signed in and what failed is in the journal; auditd's rules are an operator's choice.",
} | {
    f"sysctl-{number}": "A server without a fixed IPv6 address has it from its router: it would be cut off."
    for number in range(21, 29)
}
CONTAINER_WAIVERS = {
    "sysctl-": "A container has the kernel of its host.",
    "os-10": "A container has the kernel of its host.",
    "os-12": "A container has the processor of its host.",
}

BASELINE = Baseline(WAIVERS, CONTAINER_WAIVERS)
control = BASELINE.control
rows = BASELINE.rows


@control("os-01", "Nobody is trusted for the host they come from")
def _(machine: Host) -> Iterator[str]:
    if machine.file("/etc/hosts.equiv").exists:
        yield "/etc/hosts.equiv is there"


@control("os-02", "Passwords' digests are root's and the group shadow's to read")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/shadow", 0o137, group="shadow")


@control("os-03", "Accounts are root's to change")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/passwd", 0o133)


@control("os-03b", "No digest of a password is in the list of accounts")
def _(machine: Host) -> Iterator[str]:
    for account in lines(machine, "cat /etc/passwd"):
        name, secret, *_ = account.split(":")
        if secret not in ("x", "*"):
            yield f"{name} has one"


@control("os-04", "Commands are not looked for in the folder where one happens to be")
def _(machine: Host) -> Iterator[str]:
    (path,) = lines(machine, "echo $PATH")
    if {"", "."} & set(path.split(":")):
        yield f"PATH is {path}"


@control("os-05", "Sign-ins have limits, and files begin without rights for others")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/login.defs", 0o133)
    words = [line.split(None, 1) for line in lines(machine, "grep -E '^[A-Z]' /etc/login.defs")]
    found = {name: value.strip() for name, value in words}
    wanted = {
        "UMASK": "027|077",
        "LOGIN_RETRIES": "5",
        "LOGIN_TIMEOUT": "60",
        "UID_MIN": "1000",
        "GID_MIN": "1000",
    }
    ages = {"PASS_MAX_DAYS": "60", "PASS_MIN_DAYS": "7", "PASS_WARN_AGE": "7"}
    yield from differing(found, wanted | ages)


@control("os-05b", "System accounts have the numbers that Red Hat gives them")
def _(machine: Host) -> Iterator[str]:
    if machine.system_info.distribution == "debian":
        yield "this is Debian"


# As sshd's host-based sign-in, dial-up and mail locks need them, which no server of ours has.
SET_USER_ID = (
    *("/usr/bin/rcp", "/usr/bin/rlogin", "/usr/bin/rsh", "/usr/libexec/openssh/ssh-keysign"),
    *("/usr/lib/openssh/ssh-keysign", "/sbin/netreport", "/usr/sbin/usernetctl", "/usr/sbin/userisdnctl"),
    *("/usr/sbin/pppd", "/usr/bin/lockfile", "/usr/bin/mail-lock", "/usr/bin/mail-unlock"),
    *(
        "/usr/bin/mail-touchlock",
        "/usr/bin/dotlockfile",
        "/usr/bin/arping",
        "/usr/sbin/arping",
        "/usr/sbin/uuidd",
    ),
    *("/usr/bin/mtr", "/usr/lib/evolution/camel-lock-helper-1.2", "/usr/lib/pt_chown"),
    *("/usr/lib/eject/dmcrypt-get-device", "/usr/lib/mc/cons.saver"),
)


@control("os-06", "Programs that lend their owner's rights are none of those known for trouble")
def _(machine: Host) -> Iterator[str]:
    yield from lines(machine, f"find {' '.join(SET_USER_ID)} -type f -perm /6000 2>/dev/null")


@control("os-07", "A number belongs to one account, or one group")
def _(machine: Host) -> Iterator[str]:
    for file in ("/etc/passwd", "/etc/group"):
        for number in lines(machine, "cut -d: -f3 %s | sort | uniq -d", file):
            yield f"{number} is there twice in {file}"


@control("os-09", "No file lets somebody in, or out, without being asked for a password")
def _(machine: Host) -> Iterator[str]:
    yield from lines(
        machine, "find / -xdev -maxdepth 3 -iname .rhosts -o -maxdepth 3 -iname .netrc 2>/dev/null"
    )


@control("os-10", "Modules of file systems that nobody uses are not loaded")
def _(machine: Host) -> Iterator[str]:
    kept_out = {
        line.split()[1]
        for line in lines(machine, "grep -rhE '^install .*/bin/(true|false)$' /etc/modprobe.d")
    }
    for name in ("cramfs", "freevxfs", "jffs2", "hfs", "hfsplus", "squashfs", "udf", "vfat"):
        if name not in kept_out and not (name == "vfat" and machine.file("/sys/firmware/efi").exists):
            yield f"{name} can be loaded"


@control("os-11", "The folder for logs is root's")
def _(machine: Host) -> Iterator[str]:
    folder = machine.file("/var/log")
    if folder.user != "root" or folder.group not in ("root", "syslog"):
        yield f"it is {folder.user}:{folder.group}'s"


@control("os-12", "The processor has no known weakness that is open")
def _(machine: Host) -> Iterator[str]:
    yield from lines(machine, "grep -ri '^vulnerable' /sys/devices/system/cpu/vulnerabilities 2>/dev/null")


@control("os-13", "What runs by the clock is root's to see and to change")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/crontab", 0o066, optional=True)
    for period in ("hourly", "daily", "weekly", "monthly", "d"):
        yield from mode_problems(machine, f"/etc/cron.{period}", 0o066, optional=True)


WITHOUT_PROGRAMS = ["/boot", "/dev", "/dev/shm", "/tmp", "/var/log", "/var/log/audit", "/var/tmp"]
WITHOUT_LENT_RIGHTS = [*WITHOUT_PROGRAMS, "/home", "/run", "/var"]
WITHOUT_DEVICES = [path for path in WITHOUT_LENT_RIGHTS if path != "/dev"]


def mounted_without(paths: list[str], option: str) -> Check:
    """Each of these that is a mount of its own has the option."""

    def check(machine: Host) -> Iterator[str]:
        mounts = dict(line.split() for line in lines(machine, "findmnt --raw --noheadings -o TARGET,OPTIONS"))
        for path in paths:
            if path in mounts and option not in mounts[path].split(","):
                yield f"{path} is mounted without {option}"

    return check


control("os-14", "Where data are, no programs are started")(mounted_without(WITHOUT_PROGRAMS, "noexec"))
control("os-15", "Where data are, no program lends rights")(mounted_without(WITHOUT_LENT_RIGHTS, "nosuid"))
control("os-16", "Where data are, there are no devices")(mounted_without(WITHOUT_DEVICES, "nodev"))

BOTH = "net.ipv4.conf.all.{0} net.ipv4.conf.default.{0}"
BOTH_IPV6 = "net.ipv6.conf.all.{0} net.ipv6.conf.default.{0}"
# By id: what it is about, the settings, and the values that they may have.
SETTINGS = {
    "sysctl-01": (
        "Packets of others are not passed on",
        "net.ipv4.ip_forward net.ipv4.conf.all.forwarding",
        "0",
    ),
    "sysctl-02": ("Senders are where their packets come from", BOTH.format("rp_filter"), "1"),
    "sysctl-03": ("False ICMP errors are not noted", "net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    "sysctl-04": ("Nobody answers a ping to all", "net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    "sysctl-05": ("ICMP is sent so often at most", "net.ipv4.icmp_ratelimit", "100"),
    "sysctl-06": ("These kinds of ICMP are", "net.ipv4.icmp_ratemask", "88089"),
    "sysctl-07": ("How long the machine runs is not told", "net.ipv4.tcp_timestamps", "0"),
    "sysctl-08": ("ARP is answered where the address is", "net.ipv4.conf.all.arp_ignore", "1|2"),
    "sysctl-09": ("ARP tells the address of that network", "net.ipv4.conf.all.arp_announce", "2"),
    "sysctl-10": ("Late segments do not end connections", "net.ipv4.tcp_rfc1337", "1"),
    "sysctl-11": ("A flood of openings is withstood", "net.ipv4.tcp_syncookies", "1"),
    "sysctl-12": ("A wire may have several networks", BOTH.format("shared_media"), "1"),
    "sysctl-13": (
        "Senders do not choose the way",
        f"{BOTH.format('accept_source_route')} {BOTH_IPV6.format('accept_source_route')}",
        "0",
    ),
    "sysctl-14": ("Nobody tells another way", BOTH.format("accept_redirects"), "0"),
    "sysctl-15": ("A gateway does not, either", BOTH.format("secure_redirects"), "0"),
    "sysctl-16": ("The machine tells nobody another way", BOTH.format("send_redirects"), "0"),
    "sysctl-17": ("Impossible senders are noted", "net.ipv4.conf.all.log_martians", "1"),
    "sysctl-19": ("IPv6 packets of others are not passed on", "net.ipv6.conf.all.forwarding", "0"),
    "sysctl-20": ("Nobody tells another way by IPv6", BOTH_IPV6.format("accept_redirects"), "0"),
    "sysctl-21": ("No router is asked for", BOTH_IPV6.format("router_solicitations"), "0"),
    "sysctl-22": ("No router is preferred", BOTH_IPV6.format("accept_ra_rtr_pref"), "0"),
    "sysctl-23": ("No router tells the network", BOTH_IPV6.format("accept_ra_pinfo"), "0"),
    "sysctl-24": ("No router tells the way out", BOTH_IPV6.format("accept_ra_defrtr"), "0"),
    "sysctl-25": ("No router is listened to", BOTH_IPV6.format("accept_ra"), "0"),
    "sysctl-26": ("No address is made up", BOTH_IPV6.format("autoconf"), "0"),
    "sysctl-27": ("Nobody is asked whether an address is free", BOTH_IPV6.format("dad_transmits"), "0"),
    "sysctl-28": ("There is one address to an interface", BOTH_IPV6.format("max_addresses"), "1"),
    "sysctl-29": ("Modules can be loaded", "kernel.modules_disabled", "0"),
    "sysctl-30": ("No key commands the kernel", "kernel.sysrq", "0"),
    "sysctl-31a": ("Programs with lent rights leave no dump", "fs.suid_dumpable", "0|2"),
    "sysctl-32": ("Addresses in memory are random", "kernel.randomize_va_space", "2"),
}


def set_to(names: str, values: str) -> Check:
    """Each of these settings has one of the values ("1|2")."""

    def check(machine: Host) -> Iterator[str]:
        yield from differing(settings(machine, names), dict.fromkeys(names.split(), values))

    return check


def settings(machine: Host, names: str) -> dict[str, str]:
    """The kernel's settings of these names, those that there are."""
    files = " ".join(name.replace(".", "/") for name in names.split())
    found = [line.split(":", 1) for line in lines(machine, f"cd /proc/sys && grep -s '' /dev/null {files}")]
    return {file.replace("/", "."): value.strip() for file, value in found}


for _id, (_title, _names, _values) in SETTINGS.items():
    control(_id, _title)(set_to(_names, _values))


@control("sysctl-31b", "Where they do, it is at a place of root's, or a program's")
def _(machine: Host) -> Iterator[str]:
    found = settings(machine, "fs.suid_dumpable kernel.core_pattern")
    if found["fs.suid_dumpable"] == "2" and not found["kernel.core_pattern"].startswith(("/", "|/")):
        yield f"kernel.core_pattern is {found['kernel.core_pattern']}"


@control("sysctl-33", "The processor does not run what is data")
def _(machine: Host) -> Iterator[str]:
    flags = lines(machine, "grep -m 1 -E '^(flags|Features)' /proc/cpuinfo")
    if machine.system_info.arch == "x86_64" and "nx" not in " ".join(flags).split():
        yield "it has no flag nx"


@control("sysctl-34", "Links and pipes of others do not lead astray")
def _(machine: Host) -> Iterator[str]:
    wanted = {"fs.protected_fifos": "1|2", "fs.protected_hardlinks": "1", "fs.protected_regular": "2"}
    wanted["fs.protected_symlinks"] = "1"
    yield from differing(settings(machine, " ".join(wanted)), wanted)


@control("sysctl-35", "Only root looks into the memory of what runs")
def _(machine: Host) -> Iterator[str]:
    yield from set_to("kernel.yama.ptrace_scope", "2|3")(machine)


def not_installed(*names: str) -> Check:
    """None of these packages is there."""

    def check(machine: Host) -> Iterator[str]:
        yield from (f"{name} is installed" for name in names if machine.package(name).is_installed)

    return check


control("package-01", "No server starts others for whoever asks")(not_installed("inetd", "xinetd"))
control("package-02", "Nobody signs in in plain text")(not_installed("telnetd"))
control("package-03", "Nobody signs in by rsh")(not_installed("rsh-server"))
control("package-05", "Accounts are not told by NIS")(not_installed("ypserv"))
control("package-06", "Files are not given away by TFTP")(not_installed("tftp-server"))


@control("package-08", "What programs do to the system is noted (auditd)")
def _(machine: Host) -> Iterator[str]:
    if not machine.package("auditd").is_installed:
        yield "auditd is not installed"


control("package-09", "Programs are not linked in advance")(not_installed("prelink"))
