# SPDX-License-Identifier: Apache-2.0
"""The script that dnsmasq runs: every action that dnsmasq's manual names, whatever a client sent, and however often."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.services.process import wait_for
from sysinv.cmd import lease_tell, lease_update

MAC, ADDRESS = "08:00:27:d0:00:01", "169.254.202.77"
TELL = [sys.executable, "-m", "sysinv.cmd.lease_tell", MAC, ADDRESS]
SCRIPT = "import sys; from sysinv.cmd.lease_update import main; sys.exit(main())"


class Conductor:
    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def handle_dhcp_lease(self, **given: Any) -> None:
        self.told.append(given)


@pytest.fixture
def conductor(monkeypatch: pytest.MonkeyPatch) -> Conductor:
    made = Conductor()
    monkeypatch.setattr(lease_tell.flock_conf, "setup", lambda *given: None)
    monkeypatch.setattr(lease_tell.rpc, "transport", lambda conf: None)
    monkeypatch.setattr(lease_tell.rpc, "client", lambda *given, **more: made)
    return made


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[tuple[list[str], Any]]]:
    """Each command that the script leaves in the background; instead of it, a process that holds what it inherits."""
    commands: list[tuple[list[str], Any]] = []
    begun: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
        begun.append(real(["sleep", "600"], **more))
        commands.append((argv, begun[-1]))
        return begun[-1]

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(lease_update.subprocess, "Popen", popen)
    yield commands
    for process in begun:
        process.kill()
        process.wait(10)


def ran(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr(sys, "argv", [lease_update.PROG, *argv])
    return lease_update.main()


@pytest.mark.parametrize("argv", [
    ("del", MAC, ADDRESS), ("del", MAC, ADDRESS, "name"), ("tftp", "26579", ADDRESS, "/var/pxeboot/pxelinux.0"),
    ("tftp", "0", ADDRESS, "/var/pxeboot/\udcff --help"), ("init",),
    ("arp-add", MAC, ADDRESS), ("arp-del", MAC, ADDRESS),
    ("relay-snoop", "eth0", "fe80::1", "2001:db8::/56"), ("of-a-later-version", "x"), ("of-a-later-version",)])
def test_other_actions_are_nothing_to_do(monkeypatch: pytest.MonkeyPatch, started: list[Any],
                                         capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]) -> None:
    assert ran(monkeypatch, *argv) == 0
    assert started == [] and capsys.readouterr().err == ""


@pytest.mark.parametrize("action", ["add", "old"])
@pytest.mark.parametrize("hostname", [None, "", "--help", "-x", "name with spaces", "\udcff\n$(reboot)", "h" * 5000])
def test_a_lease_is_told_whatever_the_client_sent(monkeypatch: pytest.MonkeyPatch, conductor: Conductor,
                                                  started: list[Any], action: str, hostname: str | None) -> None:
    hostile = os.fsdecode(b"\xff\xfe;\n--help")
    for name in ("DNSMASQ_VENDOR_CLASS", "DNSMASQ_SUPPLIED_HOSTNAME", "DNSMASQ_USER_CLASS0", "DNSMASQ_MUD_URL"):
        monkeypatch.setenv(name, hostile)
    monkeypatch.setenv("DNSMASQ_TAGS", "pxeboot pxeboot0")
    monkeypatch.setenv("DNSMASQ_CLIENT_ID", f"01:{MAC}")
    monkeypatch.setenv("DNSMASQ_LEASE_EXPIRES", "1795265579")
    assert ran(monkeypatch, action, MAC, ADDRESS, *([] if hostname is None else [hostname])) == 0
    assert [argv for argv, _ in started] == [TELL]
    monkeypatch.setattr(sys, "argv", TELL[2:])
    assert lease_tell.main() == 0
    assert conductor.told == [{"tags": ["pxeboot", "pxeboot0"], "mac": MAC, "ip_address": ADDRESS,
                               "client_id": f"01:{MAC}", "expires_s": 1795265579}]


@pytest.mark.parametrize("argv", [(), ("add",), ("old", MAC)])
def test_a_lease_without_its_address_is_an_error(monkeypatch: pytest.MonkeyPatch, started: list[Any],
                                                 argv: tuple[str, ...]) -> None:
    assert ran(monkeypatch, *argv) == 2
    assert started == []


def test_a_machine_that_asks_again_and_again_holds_one_process(monkeypatch: pytest.MonkeyPatch,
                                                               started: list[Any]) -> None:
    for _ in range(5):
        assert ran(monkeypatch, "add", MAC, ADDRESS) == 0
    assert [argv for argv, _ in started] == [TELL]
    started[0][1].send_signal(signal.SIGKILL)
    started[0][1].wait(10)
    assert ran(monkeypatch, "old", MAC, ADDRESS) == 0
    assert len(started) == 2


def test_however_many_machines_ask_the_processes_are_few(monkeypatch: pytest.MonkeyPatch, started: list[Any]) -> None:
    for number in range(100):
        assert ran(monkeypatch, "add", f"08:00:27:d0:01:{number:02x}", ADDRESS) == 0
    assert len(started) == lease_update.TELLERS_MAX


def test_locks_that_somebody_else_could_hold_are_not_used(monkeypatch: pytest.MonkeyPatch, started: list[Any],
                                                          tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / lease_update.PROG).symlink_to(tmp_path / "elsewhere")
    assert ran(monkeypatch, "add", MAC, ADDRESS) == 1
    assert started == [] and "belongs to somebody else" in capsys.readouterr().err


def test_dnsmasq_does_not_wait_for_a_conductor_that_does_not_answer(tmp_path: Path) -> None:
    """dnsmasq reads the script's output to its end, and then runs it for the next lease."""
    ended = tmp_path / "ended"
    slow = tmp_path / "sitecustomize.py"
    slow.write_text("import os, sys, time\n"
                    "if sys.orig_argv[1:3] == ['-m', 'sysinv.cmd.lease_tell']:\n"
                    f"    open({str(ended)!r}, 'w').write(str(os.getpid()))\n"
                    "    time.sleep(600)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", SCRIPT, "add", MAC, ADDRESS], check=True,
                   capture_output=True, timeout=30, env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)})
    wait_for(lambda: ended.exists() and ended.read_text() != "", 30, "the process in the background")
    os.kill(int(ended.read_text()), signal.SIGKILL)
