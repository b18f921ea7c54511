"""DevSec's ssh-baseline: the machine's sshd, and its ssh as a client."""

from __future__ import annotations

from collections.abc import Iterator

from testinfra.host import Host

from tests.baselines.controls import Baseline, Check, differing, lines, mode_problems

CLIENT = "Nobody goes on from these machines to others by hand; what ssh is told there is its user's choice."
WAIVERS = {
    "sshd-09": (
        "A server listens at all of its addresses unless the operator says otherwise; who may reach them "
        "is the firewall's."
    ),
    "sshd-19": "Each key that somebody's agent offers is an attempt: two would shut out who has three keys.",
    "sshd-27": "Passwords are refused once a run has come in by key (hardening_ssh_passwords).",
    "sshd-39": "It is a jump host (hardening_ssh_tcp_forwarding).",
    "sshd-45": "Who came last is what somebody who signs in can notice.",
    "ssh-06": CLIENT,
    "ssh-07": CLIENT,
    "ssh-08": CLIENT,
    "ssh-09": CLIENT,
    "ssh-10": CLIENT,
    "ssh-16": CLIENT,
    "ssh-17": CLIENT,
}

BASELINE = Baseline(WAIVERS)
control = BASELINE.control
rows = BASELINE.rows

# Against these ssh-audit has nothing to say; the last ones of the key exchanges are for older clients.
KEX = {
    *(
        "mlkem768x25519-sha256",
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
    ),
    *("curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512"),
    "diffie-hellman-group-exchange-sha256",
}
CIPHERS = {"aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"}
MACS = {"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com"}


def server(machine: Host) -> dict[str, str]:
    """What sshd does, by setting, in small letters; a setting that is there twice has all of its values."""
    return effective(lines(machine, "/usr/sbin/sshd -T -C user=nobody,host=localhost,addr=127.0.0.1"))


def client(machine: Host) -> dict[str, str]:
    """What ssh does."""
    return effective(lines(machine, "ssh -G somewhere.invalid"))


def effective(said: list[str]) -> dict[str, str]:
    """Settings by name from "name value" lines."""
    found: dict[str, str] = {}
    for line in said:
        name, _, value = line.lower().partition(" ")
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def only(side: str, name: str, good: set[str]) -> Check:
    """A list of algorithms has none but good ones."""

    def check(machine: Host) -> Iterator[str]:
        listed = (server if side == "server" else client)(machine).get(name, "nothing").split(",")
        if set(listed) - good:
            yield f"{name} has {', '.join(sorted(set(listed) - good))}"

    return check


def set_to(side: str, name: str, values: str) -> Check:
    """A setting has one of the values ("yes|no")."""

    def check(machine: Host) -> Iterator[str]:
        yield from differing((server if side == "server" else client)(machine), {name: values})

    return check


def unknown(name: str) -> Check:
    """A setting that sshd no longer has is not written anywhere."""

    def check(machine: Host) -> Iterator[str]:
        files = "/etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf"
        yield from lines(machine, f"grep -isE %s {files}", rf"^\s*{name}\s")

    return check


control("sshd-01", "Ciphers are modern")(only("server", "ciphers", CIPHERS))
control("sshd-02", "Key exchanges are")(only("server", "kexalgorithms", KEX))
control("sshd-03", "Message authentication codes are")(only("server", "macs", MACS))


@control("sshd-04", "The folder of its configuration is root's to change")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/ssh", 0o022)


@control("sshd-05", "Its configuration is root's to read")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/ssh/sshd_config", 0o177)


@control("sshd-09", "It listens at an address that was chosen")
def _(machine: Host) -> Iterator[str]:
    for address in server(machine).get("listenaddress", "").split():
        if address.startswith(("0.0.0.0:", "[::]:")):
            yield f"it listens at {address}"


@control("sshd-14", "It has the host keys of modern kinds alone")
def _(machine: Host) -> Iterator[str]:
    kinds = server(machine).get("hostkeyalgorithms", "nothing").split(",")
    good = {"ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"}
    yield from (f"it offers {kind}" for kind in kinds if kind not in good)


SERVER = {
    "sshd-06": (
        "Root does not come in by password",
        "permitrootlogin",
        "no|without-password|prohibit-password",
    ),
    "sshd-07": ("It listens at the usual port, or one that was chosen", "port", "22"),
    "sshd-08": ("It speaks IPv4, IPv6, or both", "addressfamily", "inet|inet6|any"),
    "sshd-11": ("Keys that others could have changed do not count", "strictmodes", "yes"),
    "sshd-12": ("It writes where sign-ins are written", "syslogfacility", "auth"),
    "sshd-13": ("It writes which key it was", "loglevel", "verbose"),
    "sshd-17": ("Who comes in does not change what programs find", "permituserenvironment", "no"),
    "sshd-18": ("Who does not sign in soon has to go", "logingracetime", "30"),
    "sshd-19": ("After so many attempts, too", "maxauthtries", "2"),
    "sshd-20": ("A connection has so many sessions at most", "maxsessions", "10"),
    "sshd-21": ("So many may be at the door", "maxstartups", "10:30:60"),
    "sshd-22": ("A key opens it", "pubkeyauthentication", "yes"),
    "sshd-23": ("It trusts nobody for their host", "ignorerhosts", "yes"),
    "sshd-24": ("Nor for the hosts that somebody knows", "ignoreuserknownhosts", "yes"),
    "sshd-25": ("Nor for a host's key", "hostbasedauthentication", "no"),
    "sshd-27": ("A password does not open it", "passwordauthentication", "no"),
    "sshd-28": ("An empty one does not, either", "permitemptypasswords", "no"),
    "sshd-29": ("Nor do answers to questions", "kbdinteractiveauthentication", "no"),
    "sshd-33": ("Nor does GSSAPI", "gssapiauthentication", "no"),
    "sshd-35": ("It does not ask after connections where others could answer", "tcpkeepalive", "no"),
    "sshd-36": ("It asks within them", "clientaliveinterval", "300"),
    "sshd-37": ("And gives up in the end", "clientalivecountmax", "3"),
    "sshd-38": ("It is no tunnel", "permittunnel", "no"),
    "sshd-39": ("It does not lead to other machines", "allowtcpforwarding", "no"),
    "sshd-40": ("It does not pass on anybody's keys", "allowagentforwarding", "no"),
    "sshd-41": ("What it leads to is not open to others", "gatewayports", "no"),
    "sshd-42": ("It shows no windows", "x11forwarding", "no"),
    "sshd-43": ("If it did, to this machine alone", "x11uselocalhost", "yes"),
    "sshd-44": ("It does not say what PAM says", "printmotd", "no"),
    "sshd-45": ("It does not say who came last", "printlastlog", "no"),
    "sshd-46": ("It shows no banner", "banner", "none"),
}
for _id, (_title, _name, _values) in SERVER.items():
    control(_id, _title)(set_to("server", _name, _values))

# Off, or at their default; sshd -T shows them only where sshd was built with them.
BUILT_WITHOUT = {
    "sshd-30": ("Kerberos does not open it", "kerberosauthentication", "no|nothing"),
    "sshd-31": ("Nor does it stand in for passwords", "kerberosorlocalpasswd", "no|yes|nothing"),
    "sshd-32": ("Its tickets are taken away", "kerberosticketcleanup", "yes|nothing"),
    "sshd-34": ("So are those of GSSAPI", "gssapicleanupcredentials", "yes|nothing"),
}
for _id, (_title, _name, _values) in BUILT_WITHOUT.items():
    control(_id, _title)(set_to("server", _name, _values))

for _id, _title, _name in (
    ("sshd-10", "It speaks version 2 of the protocol", "Protocol"),
    ("sshd-15", "It does not use login(1)", "UseLogin"),
    ("sshd-16", "It keeps what needs rights apart", "UsePrivilegeSeparation"),
):
    control(_id, _title)(unknown(_name))


@control("sshd-47", "It does not tell its package's version")
def _(machine: Host) -> Iterator[str]:
    port = server(machine).get("port", "22").split()[0]
    hello = f"exec 3<>/dev/tcp/127.0.0.1/{port} && head -n 1 <&3"
    for line in lines(machine, "timeout 5 bash -c %s", hello):
        if "Debian" in line:
            yield line.strip()


@control("sshd-48", "Its primes are long enough")
def _(machine: Host) -> Iterator[str]:
    short = lines(machine, "awk '!/^#/ && $5 < 2047' /etc/ssh/moduli 2>/dev/null | wc -l")
    if short != ["0"]:
        yield f"{short[0]} are not"


@control("sshd-49", "Nothing is set where its configuration does not show it")
def _(machine: Host) -> Iterator[str]:
    yield from lines(
        machine, "ps -o args= -C sshd | grep -E -- '-o ?(Ciphers|KexAlgorithms|HostKeyAlgorithms)'"
    )


@control("sshd-50", "Its RSA key is long enough")
def _(machine: Host) -> Iterator[str]:
    for line in lines(machine, "ssh-keygen -lf /etc/ssh/ssh_host_rsa_key.pub 2>/dev/null"):
        if int(line.split()[0]) < 3072 and "rsa" in server(machine).get("hostkeyalgorithms", "rsa"):
            yield f"it has {line.split()[0]} bits"


@control("ssh-01", "The client's configuration is root's to change")
def _(machine: Host) -> Iterator[str]:
    yield from mode_problems(machine, "/etc/ssh/ssh_config", 0o133)


control("ssh-08", "The client's ciphers are modern")(only("client", "ciphers", CIPHERS))
control("ssh-09", "Its key exchanges are")(only("client", "kexalgorithms", KEX))
control("ssh-10", "Its message authentication codes are")(only("client", "macs", MACS))
ASKED = {
    "ssh-02": ("It speaks IPv4, IPv6, or both", "addressfamily", "inet|inet6|any"),
    "ssh-03": ("It asks at the usual port", "port", "22"),
    "ssh-05": ("Its user is asked", "batchmode", "no"),
    "ssh-06": ("It compares addresses, too", "checkhostip", "yes"),
    "ssh-07": ("It asks about keys that it does not know", "stricthostkeychecking", "ask"),
    "ssh-11": ("It does not pass on keys", "forwardagent", "no"),
    "ssh-12": ("It lets nobody show windows", "forwardx11", "no"),
    "ssh-13": ("It does not trust in its own host's key", "hostbasedauthentication", "no"),
    "ssh-16": ("It offers no password", "passwordauthentication", "no"),
    "ssh-17": ("It offers no GSSAPI", "gssapiauthentication", "no"),
    "ssh-18": ("It passes on no tickets", "gssapidelegatecredentials", "no|nothing"),
    "ssh-19": ("It makes no tunnels", "tunnel", "no|false"),
    "ssh-20": ("It starts no commands here", "permitlocalcommand", "no"),
}
for _id, (_title, _name, _values) in ASKED.items():
    control(_id, _title)(set_to("client", _name, _values))
