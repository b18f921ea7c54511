"""The machine has what it had."""

from testinfra.host import Host


def test_sshd_does_what_it_did(machine: Host) -> None:
    assert machine.check_output("sshd -T") == machine.file("/root/before.sshd").content_string.rstrip("\n")


def test_accounts_and_files_are_as_they_were(machine: Host) -> None:
    assert machine.check_output("getent passwd") == machine.file("/root/before.passwd").content_string.rstrip(
        "\n"
    )
    assert machine.file("/home/person").mode == 0o755
    assert machine.file("/etc/cron.daily").mode == 0o755
    was = machine.file("/root/before.login.defs").content_string.splitlines()
    assert sorted(machine.file("/etc/login.defs").content_string.splitlines()) == sorted(was)


def test_the_kernel_is_set_as_it_was(machine: Host) -> None:
    was = machine.file("/root/before.sysctl").content_string.rstrip("\n")
    assert (
        machine.check_output("sysctl --all --pattern '^net\\.ipv[46]\\.conf|^net.ipv4.(icmp|tcp_rfc)'") == was
    )


def test_nothing_of_ours_is_left(machine: Host) -> None:
    assert machine.check_output("find /etc /var/lib -name '*taskyard*'") == ""
    assert not machine.package("unattended-upgrades").is_installed
    assert machine.check_output("systemctl show --property=DefaultLimitCORE --value") == "infinity"
    limits = machine.check_output("journalctl --unit=systemd-journald --output=cat --lines=1")
    assert "max 64.0M" not in limits
