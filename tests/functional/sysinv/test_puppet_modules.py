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
           "platform::compute::cpus", "platform::compute::hugepage", "platform::compute::grub",
           "platform::ptpinstance")
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
        return run(["unshare", "--mount", "--net", "sh", "-c", script, "sh", *argv], **more)

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


def test_routes_are_in_the_files_of_their_interfaces(host: Host) -> None:
    name = "platform::network::interfaces"
    route = {"destination": "10.20.0.0/16", "gateway": "192.168.59.1", "metric": 1}
    default = {"destination": "::/0", "gateway": "fd00:59::1", "metric": 10}
    network = {"eth1": {**NETWORK["eth1"], "bond": None, "routes": [route, default]},
               "mgmt0": {**NETWORK["mgmt0"], "vlans": [], "routes": [route]},
               "oam0": {**NETWORK["mgmt0"], "vlans": [], "installed": "oam", "routes": []}}
    clean(host.apply({f"{name}::network_config": network}, name))
    drop_in = "10-flock-mgmt.network.d/40-flock-vlans.conf"
    assert host.network_files() == [drop_in, "40-flock-eth1.network"]
    section = "\n[Route]\nDestination=10.20.0.0/16\nGateway=192.168.59.1\nMetric=1\n"
    assert host.text("systemd/network/40-flock-eth1.network").endswith(
        f"[Address]\nAddress=192.168.59.3/24\n{section}\n[Route]\nDestination=::/0\nGateway=fd00:59::1\nMetric=10\n")
    assert host.text(f"systemd/network/{drop_in}").endswith(f"[Network]\n{section}")
    assert clean(host.apply({f"{name}::network_config": network}, name)).changed == 0
    clean(host.apply({f"{name}::network_config": {"mgmt0": {**network["mgmt0"], "routes": []}}}, name))
    assert host.network_files() == []


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


PTP = {
    "ptp1": {"service": "ptp4l", "options": "-H --msg=100% ${x}", "sections": [
        ["global", [["message_tag", "ptp1"], ["domainNumber", "24"]]],
        ["unicast_master_table_1", [["table_id", "1"], ["UDPv4", "10.0.0.1"], ["UDPv4", "10.0.0.2"]]],
        ["enp1s0", [["masterOnly", "1"]]]]},
    "sync": {"service": "phc2sys", "options": "", "sections": [["global", []]]}}


def test_ptp_instances_become_files_and_units_and_go_with_them(host: Host) -> None:
    name = "platform::ptpinstance"
    assert clean(host.apply({f"{name}::config": PTP}, name)).changed >= 4
    assert host.text("linuxptp/ptpinstance/ptp4l-ptp1.conf").splitlines()[1:] == [
        "[global]", "message_tag ptp1", "domainNumber 24", "[unicast_master_table_1]", "table_id 1",
        "UDPv4 10.0.0.1", "UDPv4 10.0.0.2", "[enp1s0]", "masterOnly 1"]
    assert host.text("linuxptp/ptpinstance/phc2sys-sync.conf").splitlines()[1:] == ["[global]"]
    # systemd itself takes a doubled sign for a single one.
    assert ("ExecStart=/usr/sbin/ptp4l -f /etc/linuxptp/ptpinstance/ptp4l-ptp1.conf -H --msg=100%% $${x}\n"
            in host.text("systemd/system/flock-ptp-ptp1.service"))
    assert ("ExecStart=/usr/sbin/phc2sys -f /etc/linuxptp/ptpinstance/phc2sys-sync.conf\n"
            in host.text("systemd/system/flock-ptp-sync.service"))
    assert clean(host.apply({f"{name}::config": PTP}, name)).changed == 0
    # An instance of the same name may be another service.
    clean(host.apply({f"{name}::config": {"ptp1": {**PTP["ptp1"], "service": "ts2phc"}}}, name))
    assert os.listdir(host.etc / "linuxptp/ptpinstance") == ["ts2phc-ptp1.conf"]
    assert [path.name for path in (host.etc / "systemd/system").glob("flock-ptp-*")] == ["flock-ptp-ptp1.service"]
    clean(host.apply({f"{name}::config": {}}, name))
    assert os.listdir(host.etc / "linuxptp/ptpinstance") == []
    assert list((host.etc / "systemd/system").glob("flock-ptp-*")) == []
    assert clean(host.apply({f"{name}::config": {}}, name)).changed == 0


SYSTEMCTL = """#!/bin/sh
echo "$*" >> {folder}/log
for unit; do :; done
case "$1" in
  enable) touch {folder}/units/$unit.is-enabled {folder}/units/$unit.is-active ;;
  restart) touch {folder}/units/$unit.is-active ;;
  --quiet) test -e {folder}/units/$unit.$2 && test ! -e {folder}/broken ;;
esac
"""


class HostWithUnits(Host):
    """A host whose systemd only notes what it is asked: programs of this machine's systemd are hidden."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder
        (folder / "units").mkdir()
        for name, text in (("systemctl", SYSTEMCTL.format(folder=folder)), ("detect", "#!/bin/sh\nexit 1\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def run(self, argv: list[str], **more: Any) -> Completed:
        hide = (f"mount --bind {self._folder}/systemctl /usr/bin/systemctl && "
                f"mount --bind {self._folder}/detect /usr/bin/systemd-detect-virt && exec \"$@\"")
        return super().run(["sh", "-c", hide, "sh", *argv], **more)

    def apply_ptp(self, config: dict[str, Any]) -> tuple[puppet.Outcome, list[str]]:
        """Apply instances as on a machine of its own; returns what systemd was asked to do."""
        (self._folder / "log").write_text("")
        name = "platform::ptpinstance"
        outcome = puppet.apply(self.directory, (name,), {"host": {f"{name}::config": config}}, self.run)
        return outcome, [line for line in (self._folder / "log").read_text().splitlines()
                         if not line.startswith("--quiet")]

    def breaks(self, broken: bool) -> None:
        (self._folder / "broken").touch() if broken else (self._folder / "broken").unlink()


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/bin/systemd-detect-virt").exists(),
                    reason="needs root and systemd")
def test_units_of_ptp_instances_restart_only_when_they_change(tmp_path: Path) -> None:
    host, one = HostWithUnits(tmp_path), {"ptp1": PTP["ptp1"]}
    unit, reload = "flock-ptp-ptp1.service", "daemon-reload"
    outcome, asked = host.apply_ptp(one)
    assert (clean(outcome).changed > 0, asked) == (
        True, [reload, f"restart {unit}", f"enable --now {unit}"])
    outcome, asked = host.apply_ptp(one)
    assert (clean(outcome).changed, asked) == (0, [])
    outcome, asked = host.apply_ptp({**one, "sync": PTP["sync"]})
    assert asked == [reload, "restart flock-ptp-sync.service", "enable --now flock-ptp-sync.service"]
    assert clean(outcome).changed > 0
    changed = {"ptp1": {**PTP["ptp1"], "sections": [["global", [["domainNumber", "25"]]]]}, "sync": PTP["sync"]}
    host.breaks(True)
    outcome, asked = host.apply_ptp(changed)
    assert list(outcome.failures) == ["platform::ptpinstance"], "a program that ends at once is a failure"
    assert f"restart {unit}" in asked
    host.breaks(False)
    outcome, asked = host.apply_ptp(changed)
    assert clean(outcome).error == "" and asked == []
    outcome, asked = host.apply_ptp({})
    assert clean(outcome).error == "" and asked[1:] == [reload]
    assert asked[0].startswith("disable --now ")
    assert sorted(asked[0].split()[2:]) == [unit, "flock-ptp-sync.service"]


@pytest.mark.parametrize("bad", ["../x", "a b", "a'b", "-a", "a\nb"])
def test_a_name_that_is_no_file_of_an_instance_is_refused(host: Host, bad: str) -> None:
    outcome = host.apply({"platform::ptpinstance::config": {bad: PTP["sync"]}}, "platform::ptpinstance")
    assert "config" in outcome.error


def test_ceph_is_not_made_and_says_so(host: Host) -> None:
    outcome = host.apply({}, "platform::dns::resolv", "platform::ceph")
    assert outcome.error == "" and set(outcome.failures) == {"platform::ceph"}
    assert "Ceph is not installed on this host" in outcome.failures["platform::ceph"]
    # The others are applied all the same.
    assert (host.etc / "platform/resolv.upstream").is_file()
