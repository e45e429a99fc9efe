# SPDX-License-Identifier: Apache-2.0
import pytest

from mtce.agent import commands


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Programs that write down how they were called; ``broken`` names those that fail."""

    def install(broken=()):
        for name in ("systemctl", "systemd-run"):
            path = tmp_path / name
            path.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\nexit {int(name in broken)}\n')
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return lambda: (tmp_path / "calls").read_text().splitlines()

    return install


def test_failsafe_is_armed_before_the_orderly_reboot(tools):
    calls = tools()
    commands.reboot(120)
    armed, orderly = calls()
    assert armed.startswith("systemd-run")
    assert "ExecStartPre=/bin/sleep 120" in armed
    assert "DefaultDependencies=no" in armed
    assert armed.endswith("systemctl reboot --force --force")
    assert orderly == "systemctl --no-block reboot"


def test_reboot_goes_on_without_a_failsafe(tools):
    calls = tools(broken=("systemd-run",))
    commands.reboot(120)
    assert calls()[-1] == "systemctl --no-block reboot"
