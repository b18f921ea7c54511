"""Nothing of the firewall is left, and all of the operator's."""

from collections.abc import Callable, Mapping

from testinfra.host import Host

Knock = Callable[..., str]


def test_every_port_answers(knock: Knock) -> None:
    assert [knock("a", port) for port in (8080, 8081, 8082, 9999)] == ["open", "open", "open", "closed"]


def test_nothing_is_left(machines: Mapping[str, Host]) -> None:
    for machine in machines.values():
        assert machine.check_output("find /etc /run /usr/local -name '*taskyard*'") == ""
        assert machine.check_output("systemctl list-units --all --no-legend 'taskyard-*'") == ""


def test_the_operators_rules_stay(machines: Mapping[str, Host]) -> None:
    assert machines["a"].check_output("nft list tables") == ""
    assert machines["b"].check_output("nft list tables") == "table inet operator"
    assert machines["b"].service("nftables").is_enabled
