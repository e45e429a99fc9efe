# SPDX-License-Identifier: Apache-2.0
"""What service parameters do on a host, with the real Puppet; programs read the files that it writes."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.testing.fixtures import private_conf
from mtce.conf import conductor
from mtce.heartbeat.settings import load
from sysinv.agent import puppet
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.hiera import data_of
from tests.functional.sysinv.test_puppet_modules import HostWithUnits, clean

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/systemd-detect-virt").exists(),
                                reason="needs root for a private /etc, and systemd")
KEYSTONE_PYTHON = Path("/opt/flock/keystone/bin/python")


class ControllerHost(HostWithUnits):
    """A controller: its directories of configuration exist."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in ("flock", "keystone", "sysctl.d", "profile.d"):
            (self._base / name).mkdir(exist_ok=True)

    def parameters(self, service: str, section: str, **values: str) -> tuple[puppet.Outcome, list[str]]:
        """Apply a section with these values; returns what systemd was asked to do."""
        rows = [{"service": service, "section": section, "name": name, "value": value, "personality": "",
                 "resource": ""} for name, value in values.items()]
        (self._folder / "log").write_text("")
        local = {"platform::params::hardware_root": "/recorded"}
        outcome = puppet.apply(self.directory, schema()[service][section].classes,
                               {"local": local, "system": data_of(rows)}, self.run)
        return outcome, (self._folder / "log").read_text().splitlines()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ControllerHost]:
    yield ControllerHost(tmp_path)


def test_defaults_write_nothing_and_disturb_nobody(host: ControllerHost) -> None:
    for service, section in (("platform", "maintenance"), ("identity", "config")):
        values = {one.name: one.default for one in schema()[service][section].parameters.values() if one.default}
        outcome, asked = host.parameters(service, section, **values)
        assert (clean(outcome).error, asked) == ("", [])
    assert list((host.etc / "flock").rglob("*.conf")) == []
    assert list((host.etc / "keystone").rglob("*.conf")) == []


def test_host_maintenance_reads_its_settings(host: ControllerHost, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, asked = host.parameters("platform", "maintenance", worker_boot_timeout="900",
                                     heartbeat_failure_action="degrade", heartbeat_period="500")
    clean(outcome)
    assert asked == ["try-reload-or-restart flock-mtce-conductor", "try-restart flock-mtce-heartbeat"]
    monkeypatch.setenv("FLOCK_CONF_DIR", str(host.etc / "flock"))
    conf: Any = private_conf()
    conductor.register(conf)
    conf([], project="mtce", default_config_files=[], default_config_dirs=[str(host.etc / "flock/mtce.d")])
    settings = conductor.settings(conf)
    assert (settings.worker_boot_timeout_ms, settings.storage_boot_timeout_ms, settings.controller_boot_timeout_ms) == (
        900_000, 900_000, 1_200_000)
    assert str(settings.heartbeat_failure_action) == "degrade"
    (host.etc / "flock/flock.conf").write_text("[host]\nuuid = 6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11\n")
    assert load([]).period_ms == 500
    outcome, asked = host.parameters("platform", "maintenance", worker_boot_timeout="900",
                                     heartbeat_failure_action="degrade", heartbeat_period="500")
    assert (clean(outcome).changed, asked) == (0, [])
    outcome, asked = host.parameters("platform", "maintenance", worker_boot_timeout="900", heartbeat_period="500")
    assert asked == ["try-reload-or-restart flock-mtce-conductor"], "the heartbeat is not restarted for nothing"
    host.parameters("platform", "maintenance", worker_boot_timeout="720", heartbeat_period="1000")
    assert list((host.etc / "flock/mtce.d").iterdir()) == []


def test_keystone_reads_the_life_of_tokens(host: ControllerHost) -> None:
    outcome, asked = host.parameters("identity", "config", token_expiration="7200")
    assert (clean(outcome).error, asked) == ("", ["try-restart flock-keystone"])
    folder = host.etc / "keystone/keystone.conf.d"
    assert folder.stat().st_mode & 0o777 == 0o755
    if KEYSTONE_PYTHON.exists():
        program = ("import keystone.conf as k, sys; k.configure(); "
                   "k.CONF([], project='keystone', default_config_files=[], default_config_dirs=[sys.argv[1]]); "
                   "print(k.CONF.token.expiration)")
        found = subprocess.run([KEYSTONE_PYTHON, "-c", program, folder], capture_output=True, text=True, timeout=60,
                               check=True)
        assert found.stdout.strip() == "7200"
    host.parameters("identity", "config", token_expiration="3600")
    assert list(folder.iterdir()) == []


def test_settings_of_the_kernel_become_a_file(host: ControllerHost) -> None:
    before = Path("/proc/sys/vm/swappiness").read_text()
    outcome, _ = host.parameters("platform", "sysctl", **{"vm.swappiness": "33", "net/ipv4/conf/eth0.1/mtu": "9"})
    clean(outcome)
    assert host.text("sysctl.d/60-flock.conf").splitlines()[1:] == [
        "net/ipv4/conf/eth0.1/mtu = 9", "vm.swappiness = 33"]
    assert Path("/proc/sys/vm/swappiness").read_text() == before, "the hardware is that of another machine"
    clean(host.parameters("platform", "sysctl")[0])
    assert host.text("sysctl.d/60-flock.conf").splitlines()[1:] == []


def test_limits_of_core_dumps_and_confirmations(host: ControllerHost) -> None:
    clean(host.parameters("platform", "coredump", process_size_max="3G", max_use="10G")[0])
    assert host.text("systemd/coredump.conf.d/60-flock.conf").splitlines()[1:] == [
        "[Coredump]", "ProcessSizeMax=3G", "ExternalSizeMax=2G", "KeepFree=1G", "MaxUse=10G"]
    clean(host.parameters("platform", "client", cli_confirmations="enabled")[0])
    assert "export CLI_CONFIRMATIONS=enabled\n" in host.text("profile.d/flock-client.sh")
    clean(host.parameters("platform", "client")[0])
    assert "export CLI_CONFIRMATIONS=disabled\n" in host.text("profile.d/flock-client.sh")


def test_every_class_of_the_schema_is_one_of_the_product() -> None:
    for sections in schema().values():
        for section in sections.values():
            for name in section.classes:
                module, *parts = name.split("::")
                manifest = puppet.MODULES / module / "manifests" / f"{'/'.join(parts)}.pp"
                assert manifest.is_file(), name
                text = (manifest.with_suffix("") / "params.pp").read_text()
                keys = [one.key for one in section.parameters.values() if one.key] + [section.collect or ""]
                for key in filter(None, keys):
                    assert key.startswith(f"{name}::params::") and f"${key.rpartition('::')[2]} " in text, key
