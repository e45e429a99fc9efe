# SPDX-License-Identifier: Apache-2.0
"""The script that dnsmasq runs: every action that dnsmasq's manual names, and whatever a client sent."""
from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from sysinv.cmd import lease_update

MAC, ADDRESS = "08:00:27:d0:00:01", "169.254.202.77"


class Conductor:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def handle_dhcp_lease(self, **given: Any) -> None:
        self.told.append(given)


@pytest.fixture
def conductor(monkeypatch: pytest.MonkeyPatch) -> Conductor:
    made = Conductor()
    monkeypatch.setattr(lease_update.flock_conf, "setup", lambda *given: None)
    monkeypatch.setattr(lease_update.rpc, "transport", lambda conf: None)
    monkeypatch.setattr(lease_update.rpc, "client", lambda *given, **more: made)
    return made


def ran(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr(sys, "argv", [lease_update.PROG, *argv])
    return lease_update.main()


@pytest.mark.parametrize("argv", [
    ("del", MAC, ADDRESS), ("del", MAC, ADDRESS, "name"), ("tftp", "26579", ADDRESS, "/var/pxeboot/pxelinux.0"),
    ("tftp", "0", ADDRESS, "/var/pxeboot/\udcff --help"), ("init",),
    ("arp-add", MAC, ADDRESS), ("arp-del", MAC, ADDRESS),
    ("relay-snoop", "eth0", "fe80::1", "2001:db8::/56"), ("of-a-later-version", "x"), ("of-a-later-version",)])
def test_other_actions_are_nothing_to_do(monkeypatch: pytest.MonkeyPatch, conductor: Conductor,
                                         capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]) -> None:
    assert ran(monkeypatch, *argv) == 0
    assert conductor.told == [] and capsys.readouterr().err == ""


@pytest.mark.parametrize("action", ["add", "old"])
@pytest.mark.parametrize("hostname", [None, "", "--help", "-x", "name with spaces", "\udcff\n$(reboot)", "h" * 5000])
def test_a_lease_is_told_whatever_the_client_sent(monkeypatch: pytest.MonkeyPatch, conductor: Conductor, action: str,
                                                  hostname: str | None) -> None:
    hostile = os.fsdecode(b"\xff\xfe;\n--help")
    for name in ("DNSMASQ_VENDOR_CLASS", "DNSMASQ_SUPPLIED_HOSTNAME", "DNSMASQ_USER_CLASS0", "DNSMASQ_MUD_URL"):
        monkeypatch.setenv(name, hostile)
    monkeypatch.setenv("DNSMASQ_TAGS", "pxeboot pxeboot0")
    monkeypatch.setenv("DNSMASQ_CLIENT_ID", f"01:{MAC}")
    monkeypatch.setenv("DNSMASQ_LEASE_EXPIRES", "1795265579")
    assert ran(monkeypatch, action, MAC, ADDRESS, *([] if hostname is None else [hostname])) == 0
    assert conductor.told == [{"tags": ["pxeboot", "pxeboot0"], "mac": MAC, "ip_address": ADDRESS,
                               "client_id": f"01:{MAC}", "expires_s": 1795265579}]


@pytest.mark.parametrize("argv", [(), ("add",), ("old", MAC)])
def test_a_lease_without_its_address_is_an_error(monkeypatch: pytest.MonkeyPatch, conductor: Conductor,
                                                 argv: tuple[str, ...]) -> None:
    assert ran(monkeypatch, *argv) == 2
    assert conductor.told == []
