# SPDX-License-Identifier: Apache-2.0
"""The fence agent: parameters of standard input, exit statuses that service management and cluster managers know."""
from __future__ import annotations

import io
import sys

import pytest

from flock.core.errors import InvalidInput
from mtce.bmc.interfaces import Access, Bmc, BmcError, PowerState
from mtce.bmc.kinds import BmcSettings
from mtce.bmc.noop import NoBoot, NoSensors
from mtce.cmd import fence

GIVEN = "action=off\nip=10.0.0.9\nusername=root\npassword=a=b\n"


class Board:
    """A board that notes what it is told."""

    def __init__(self, state: PowerState = PowerState.ON) -> None:
        self.told: list[str] = []
        self.power_state = state
        self.access: Access | None = None
        self.settings: BmcSettings | None = None

    def open(self, kind: str, access: Access, settings: BmcSettings) -> Bmc:
        self.told.append(kind)
        self.access, self.settings = access, settings
        return Bmc(kind, self, NoBoot(), NoSensors())

    def state(self) -> PowerState:
        return self.power_state

    def on(self) -> None:
        self.told.append("on")

    def off(self, *, graceful: bool) -> None:
        assert not graceful, "a node that hangs does not shut down"
        self.told.append("off")

    def reset(self, *, graceful: bool) -> None:
        assert not graceful
        self.told.append("reset")


@pytest.mark.parametrize(("action", "done"), [("on", "on"), ("off", "off"), ("reboot", "reset")])
def test_actions(action: str, done: str) -> None:
    board = Board()
    assert fence.act(fence.parsed(GIVEN.replace("off", action)), board.open) == 0
    assert board.told == ["redfish", done]
    assert board.access == Access("10.0.0.9", "root", "a=b")


@pytest.mark.parametrize(("state", "status"), [(PowerState.ON, 0), (PowerState.OFF, 2), (PowerState.UNKNOWN, 1)])
def test_only_a_power_that_is_known_to_be_off_is_off(state: PowerState, status: int) -> None:
    assert fence.act(fence.parsed("action=status\nip=10.0.0.9"), Board(state).open) == status


def test_the_transport_is_chosen() -> None:
    board = Board()
    text = f"{GIVEN}# a comment\n\ntype=redfish\nport=8000\nscheme=http\nverify=no\nsystem=7\n"
    fence.act(fence.parsed(text), board.open)
    assert board.settings is not None and board.access is not None
    found = board.settings.redfish
    assert (found.port, found.scheme, found.verify, board.access.system) == (8000, "http", False, "7")
    fence.act(fence.parsed(f"{GIVEN}type=ipmi\nport=6230\nverify=/etc/ca.pem"), board.open)
    assert board.settings.ipmi.port == 6230 and board.settings.redfish.verify == "/etc/ca.pem"


@pytest.mark.parametrize(("text", "field"), [
    ("ip=1.2.3.4", "action"), ("action=explode\nip=1", "action"), ("action=off", "ip"), (f"{GIVEN}color=red", "color"),
    (f"{GIVEN}password", "password"), (f"{GIVEN}type=none", "type"), (f"{GIVEN}scheme=ftp", "scheme"),
    (f"{GIVEN}port=0", "port"), (f"{GIVEN}port=http", "port"), ("x" * 70_000, "input")])
def test_a_parameter_that_breaks_a_rule_is_named(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        fence.settings(fence.parsed(text))
    assert error.value.params["field"] == field


def test_a_failure_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    def opened(kind: str, access: Access, settings: BmcSettings) -> Bmc:
        raise BmcError(address=access.address, verb="power off", reason="it does not answer")

    monkeypatch.setattr(sys, "argv", ["mtce-fence"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(GIVEN))
    monkeypatch.setattr(fence, "open_bmc", opened)
    assert fence.main() == 1
    error = capsys.readouterr().err
    assert "10.0.0.9" in error and "does not answer" in error and "a=b" not in error


def test_help_and_words_that_nobody_needs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words, status in ((["--help"], 0), (["--ip=1"], 1)):
        monkeypatch.setattr(sys, "argv", ["mtce-fence", *words])
        assert fence.main() == status
        assert "standard input" in capsys.readouterr().out
