"""Which addresses receivers may stand at."""

import socket
from typing import Any

import pytest

from tests.receivers.inbox import HERE, opened_inbox
from timApp.net.client import Request
from timApp.net.outside import Outside, is_public, may_be_asked


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),  # noqa: S104
        *("192.0.0.8", "192.88.99.1"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        # What stands for an IPv4 address: mapped, compatible, translated, and by tunnels.
        *("::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        *("", "localhost", "127.1", "0x7f000001"),
    ],
)
def test_an_address_that_is_not_of_the_internet_is_refused(address: str) -> None:
    """Nobody can have this server ask what stands beside it, however the address is spelt."""
    assert not is_public(address)
    assert not may_be_asked(address, [], in_the_clear=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_a_public_address_is_asked_over_https_only(address: str) -> None:
    """Whatever is public may be told, and never in the clear."""
    assert may_be_asked(address, [], in_the_clear=False)
    assert not may_be_asked(address, [], in_the_clear=True)


def test_networks_of_the_option_may_be_asked_in_any_way() -> None:
    """An address in WEBHOOK_NETWORKS is told, also if it is spelt as IPv6, and in the clear."""
    networks = ["10.1.0.0/16"]
    for address in ("10.1.2.3", "::ffff:10.1.2.3"):
        assert may_be_asked(address, networks, in_the_clear=True)
    assert not may_be_asked("10.2.0.1", networks, in_the_clear=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "inside.example"])
def test_a_refused_address_is_not_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name leads to is looked at when it is connected to, so nothing arrives."""
    look_up = socket.getaddrinfo

    def leads_inside(name: str, *more: Any) -> Any:
        return look_up("127.0.0.1" if name == "inside.example" else name, *more)

    monkeypatch.setattr(socket, "getaddrinfo", leads_inside)
    with opened_inbox() as inbox:
        url = f"http://{host}:{inbox.url.rpartition(':')[2]}"
        answer = Outside(("10.0.0.0/8",)).ask(Request(url, b"{}", {}), 10)
        assert "WEBHOOK_NETWORKS" in (answer.failure or "")
        assert inbox.got == []
        assert Outside(HERE).ask(Request(url, b"{}", {}), 10).status == 204


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"])
def test_an_address_that_is_oddly_spelt_is_asked_nothing(host: str) -> None:
    """A number is no way around: it is not taken for a name, and not for an address."""
    with opened_inbox() as inbox:
        url = f"http://{host}:{inbox.url.rpartition(':')[2]}"
        assert Outside(("10.0.0.0/8",)).ask(Request(url, b"{}", {}), 10).failure
        assert inbox.got == []


def test_a_private_address_is_refused_over_https_too() -> None:
    """HTTPS opens no way to the machine itself."""
    answer = Outside(()).ask(Request("https://localhost:9/", b"{}", {}), 10)
    assert "is not asked" in (answer.failure or "")
