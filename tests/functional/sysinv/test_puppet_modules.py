# SPDX-License-Identifier: Apache-2.0
"""The product's Puppet modules with the real Puppet, which sees a private /etc above that of this machine."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.exec.process import Completed, run
from sysinv.agent import puppet

CLASSES = ("platform::config::timezone", "platform::dns::resolv", "platform::ntp", "platform::network::interfaces",
           "platform::compute::cpus", "platform::compute::hugepage", "platform::compute::grub")
# Another machine's hardware: nothing of this machine may change.
ELSEWHERE = {"platform::params::hardware_root": "/recorded"}
NETWORK = {
    "eth1": {"kind": "ethernet", "mtu": 9000, "addresses": ["192.168.59.3/24"], "vlans": [], "bond": "bond0",
             "installed": None},
    "bond0": {"kind": "bond", "mtu": 9000, "addresses": [], "vlans": ["data10"], "bond": None, "installed": None,
              "mode": "802.3ad", "hash": "layer3+4", "primary_reselect": None},
    "data10": {"kind": "vlan", "mtu": 1500, "addresses": [], "vlans": [], "bond": None, "installed": None,
               "vlan_id": 10},
    "mgmt0": {"kind": "ethernet", "mtu": 1500, "addresses": [], "vlans": ["data11"], "bond": None,
              "installed": "mgmt"},
    "data11": {"kind": "vlan", "mtu": 1500, "addresses": [], "vlans": [], "bond": None, "installed": None,
               "vlan_id": 11}}


class Host:
    """A private /etc: what Puppet changes is in ``etc``."""

    def __init__(self, folder: Path) -> None:
        self.etc, self._work, self._base = folder / "etc", folder / "work", folder / "base"
        for directory in (self.etc, self._work, self._base / "platform", self._base / "default",
                          self._base / "systemd/network"):
            directory.mkdir(parents=True)
        self.directory = folder / "configuration"

    def run(self, argv: list[str], **more: Any) -> Completed:
        mount = f"lowerdir={self._base}:/etc,upperdir={self.etc},workdir={self._work}"
        script = f"mount -t overlay overlay -o {mount} /etc && exec \"$@\""
        return run(["unshare", "--mount", "sh", "-c", script, "sh", *argv], **more)

    def apply(self, data: dict[str, Any], *classes: str) -> puppet.Outcome:
        return puppet.apply(self.directory, classes or CLASSES, {"local": ELSEWHERE, "host": data}, self.run)

    def text(self, name: str) -> str:
        return (self.etc / name).read_text()

    def network_files(self) -> list[str]:
        folder = self.etc / "systemd/network"
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*40-flock-*") if path.is_file())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    if os.geteuid() != 0:
        pytest.skip("needs root for a private /etc")
    yield Host(tmp_path)


def clean(outcome: puppet.Outcome) -> puppet.Outcome:
    assert (outcome.error, outcome.failures) == ("", {})
    return outcome


def test_the_whole_configuration_is_applied_and_a_second_run_changes_nothing(host: Host) -> None:
    data = {
        "platform::config::params::timezone": "Europe/Paris",
        "platform::dns::resolv::servers": ["8.8.8.8", "fd00::1"],
        "platform::ntp::servers": ["0.pool.ntp.org"], "platform::ntp::serves": ["192.168.204.0/24"],
        "platform::network::interfaces::network_config": NETWORK,
        "platform::compute::params::platform_cpus": "0-1", "platform::compute::params::isolated_cpus": "4",
        "platform::compute::grub::params::cpu_options": "nohz_full=2-5",
        "platform::compute::hugepage::params::nr_hugepages_2M": {"0": 512, "1": 0}}
    first = clean(host.apply(data))
    assert first.changed >= 8
    assert os.readlink(host.etc / "localtime") == "/usr/share/zoneinfo/Europe/Paris"
    assert host.text("timezone") == "Europe/Paris\n"
    assert host.text("platform/worker_reserved.conf").splitlines()[1:] == [
        'PLATFORM_CPU_LIST="0-1"', 'ISOLATED_CPU_LIST="4"']
    assert host.text("platform/hugepages.conf").splitlines()[1:] == ["node0 2048kB 512", "node1 2048kB 0"]
    assert 'GRUB_CMDLINE_LINUX="${GRUB_CMDLINE_LINUX} nohz_full=2-5"' in host.text("default/grub.d/60-flock.cfg")
    assert host.text("platform/resolv.upstream").splitlines()[1:] == ["nameserver 8.8.8.8", "nameserver fd00::1"]
    assert host.text("chrony/conf.d/flock.conf").splitlines()[1:] == [
        "server 0.pool.ntp.org iburst", "allow 192.168.204.0/24", "local stratum 10"]
    assert clean(host.apply(data)).changed == 0


def test_interfaces_become_files_of_systemd_networkd_and_go_with_them(host: Host) -> None:
    name = "platform::network::interfaces"
    clean(host.apply({f"{name}::network_config": NETWORK}, name))
    assert host.network_files() == [
        "10-flock-mgmt.network.d/40-flock-vlans.conf", "40-flock-bond0.netdev", "40-flock-bond0.network",
        "40-flock-data10.netdev", "40-flock-data10.network", "40-flock-data11.netdev", "40-flock-data11.network",
        "40-flock-eth1.network"]
    bond = host.text("systemd/network/40-flock-bond0.netdev")
    assert "Mode=802.3ad\nMIIMonitorSec=100ms\nTransmitHashPolicy=layer3+4\nLACPTransmitRate=fast\n" in bond
    member = host.text("systemd/network/40-flock-eth1.network")
    assert "MTUBytes=9000" in member
    assert "Bond=bond0" in member
    assert "[Address]\nAddress=192.168.59.3/24\n" in member
    assert "VLAN=data10" in host.text("systemd/network/40-flock-bond0.network")
    assert "[VLAN]\nId=10\n" in host.text("systemd/network/40-flock-data10.netdev")
    assert "VLAN=data11" in host.text("systemd/network/10-flock-mgmt.network.d/40-flock-vlans.conf")
    clean(host.apply({f"{name}::network_config": {"eth1": {**NETWORK["eth1"], "bond": None}}}, name))
    assert host.network_files() == ["40-flock-eth1.network"]
    assert "Bond=" not in host.text("systemd/network/40-flock-eth1.network")


def test_a_wrong_value_fails_and_names_the_parameter(host: Host) -> None:
    outcome = host.apply({"platform::compute::hugepage::params::nr_hugepages_2M": {"0": "many"}},
                         "platform::compute::hugepage")
    assert "nr_hugepages_2M" in outcome.error


def test_a_class_that_fails_does_not_hold_up_the_others(host: Host) -> None:
    (host.etc / "platform").mkdir(exist_ok=True)
    (host.etc / "platform/worker_reserved.conf").mkdir()
    outcome = host.apply({"platform::config::params::timezone": "Asia/Tokyo"}, "platform::compute::cpus",
                         "platform::config::timezone")
    assert list(outcome.failures) == ["platform::compute::cpus"]
    assert host.text("timezone") == "Asia/Tokyo\n"


def test_huge_pages_of_this_machine_are_not_touched_by_a_recorded_one(host: Host) -> None:
    pages = Path("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages")
    before = pages.read_text() if pages.exists() else None
    clean(host.apply({"platform::compute::hugepage::params::nr_hugepages_2M": {"0": 3}},
                     "platform::compute::hugepage"))
    assert (pages.read_text() if pages.exists() else None) == before
