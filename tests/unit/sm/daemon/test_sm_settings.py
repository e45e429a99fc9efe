# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from flock.core.records import replace
from sm.catalogue.problems import CatalogueRefused
from sm.catalogue.rows import Configured, InterfaceRow, SettingRow
from sm.core.timing import Timing
from sm.daemon.links import direct_of, links_of, nodes_of, witness_links
from sm.daemon.settings import Settings, Witness, read, read_witness
from tests.unit.sm.daemon.conftest import NODES

WITNESS = {"name": "arbiter", "nodes": ["controller-0", "controller-1"],
           "paths": {"oam": {"device": "eth0", "address": "10.10.10.9",
                             "nodes": {"controller-0": "10.10.10.2", "controller-1": "10.10.10.3"}}}}


def problems(path: Path, **settings: object) -> str:
    path.write_text(json.dumps(settings))
    with pytest.raises(CatalogueRefused) as refused:
        read(path)
    return str(refused.value)


def test_defaults_and_all_that_can_be_set(tmp_path: Path) -> None:
    assert replace(read(tmp_path / "none"), node="") == Settings()
    file = tmp_path / "sm.conf"
    file.write_text("""
node: controller-1
policy: promote
timing: {lease_ms: 3000, step_down_ms: 1000}
witness: {name: arbiter, addresses: {oam: 10.10.10.9}}
targets: {oam: [10.10.10.1, 10.10.10.254]}
weights: {oam: 6}
fencing:
  controller-0:
    program: /usr/sbin/fence_ipmilan
    parameters: {ip: 10.10.11.2, username: root, password_script: /etc/sm/bmc, lanplus: "1"}
watchdog: /dev/watchdog
""")
    found = read(file)
    assert (found.name, found.timing.lease_ms, found.timing.beat_ms) == ("controller-1", 3_000, Timing().beat_ms)
    assert found.weights == {"oam": 6}
    assert found.fencing["controller-0"].parameters["password_script"] == "/etc/sm/bmc"


@pytest.mark.parametrize(("settings", "problem"), [
    ({"colour": "red"}, "colour: is not known here"),
    ({"timing": {"lease_ms": 100}}, "lease_ms must be greater"),
    ({"nodes": ["controller-0", "controller-1", "controller-2"]}, "nodes: must be at most 2"),
    ({"node": "controller-9", "nodes": ["controller-0"]}, "must contain this node, controller-9"),
    ({"witness": {"name": "arbiter", "addresses": {"oam": "there"}}}, "witness.addresses.oam: must be an IP address"),
    ({"witness": {"name": "arbiter", "addresses": {}}}, "witness.addresses: must name"),
    ({"weights": {"oam": -1}}, "weights.oam: must be a number from 0 to 1000"),
    ({"fencing": {"controller-1": {"program": "fence_ipmilan"}}}, "program: must be an absolute path"),
    ({"fencing": {"controller-1": {"program": "/x", "parameters": {"action": "on"}}}}, "parameters.action: must be"),
    ({"fencing": {"controller-1": {"program": "/x", "parameters": {"ip": "a\nb=c"}}}}, "must be one line"),
    ({"store": "sm.db"}, "store: must be an absolute path"),
    ({"targets": {"oam": ["10.10.10.1"]}}, "targets.oam: must be none, or 2 to 4 different ones"),
    ({"targets": {"oam": ["10.10.10.1", "10.10.10.1"]}}, "targets.oam: must be none, or 2 to 4 different ones"),
    ({"targets": {"oam": ["10.10.10.1", "gateway"]}}, "targets.oam: 'gateway' must be an IP address"),
    ({"targets": {"management": []}}, "targets.management: must be one of oam, cluster-host, mgmt, admin"),
    ({"weights": {"storage": 1}}, "weights.storage: must be one of oam, "),
    ({"witness": {"name": "arbiter", "addresses": {"wan": "10.10.10.9"}}}, "witness.addresses.wan: must be one of oam"),
    ({"node": "controller-0", "fencing": {"controller-2": {"program": "/x"}}},
     "fencing.controller-2: must be another controller: controller-1"),
    ({"node": "controller-0", "fencing": {"controller-0": {"program": "/x"}}}, "must be another controller"),
    ({"watchdog": "watchdog"}, "watchdog: must be an absolute path"),
    ({"reboot": []}, "reboot: must begin"),
    ({"stop_s": 0}, "stop_s: must be a number from 1"),
    ({"policy": "hope"}, "policy"),
])
def test_errors_name_field_and_rule(tmp_path: Path, settings: dict[str, object], problem: str) -> None:
    assert problem in problems(tmp_path / "sm.conf", **settings)


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    told = problems(tmp_path / "sm.conf", store="a", key="b")
    assert "store:" in told and "key:" in told


def test_a_witness(tmp_path: Path) -> None:
    file = tmp_path / "witness.conf"
    file.write_text(json.dumps(WITNESS))
    link, = witness_links(read_witness(file))
    assert (link.group, link.port, [peer.address for peer in link.peers]) == (None, 2223, ["10.10.10.2", "10.10.10.3"])
    file.write_text(json.dumps({**WITNESS, "name": "controller-0"}))
    with pytest.raises(CatalogueRefused, match="none of them the witness's"):
        read_witness(file)


def rows(**fields: object) -> Configured:
    return Configured(service_domain_interfaces=(
        InterfaceRow("controller", "management-interface", device="eth0", multicast="239.1.1.3",
                     address="192.168.204.2", peer_address="192.168.204.3", connect_type="dc"),
        InterfaceRow("controller", "oam-interface", device="eth1", address="10.10.10.2"),
        InterfaceRow("controller", "cluster-host-interface", provisioned=False, device="eth2", address="192.168.206.2",
                     peer_address="192.168.206.3")), **fields)


def test_paths_follow_the_rows_and_the_settings() -> None:
    settings = Settings(node="controller-0", witness=Witness("arbiter", {"oam": "10.10.10.9"}),
                        targets={"oam": ("10.10.10.1", "10.10.10.254")})
    management, oam = links_of(settings, rows())
    assert (management.name, management.group, [peer.name for peer in management.peers]) == (
        "mgmt", "239.1.1.3", ["controller-1"])
    assert [(peer.name, peer.port, peer.witness) for peer in oam.peers] == [("arbiter", 2223, True)]
    assert oam.targets == ("10.10.10.1", "10.10.10.254") and direct_of(rows()) == {"mgmt"}
    assert links_of(Settings(node="controller-0", nodes=("controller-0",)), rows()) == ()


def test_nodes_follow_the_mode_of_the_system() -> None:
    simplex = rows(configuration=(SettingRow("SYSTEM_MODE", "simplex"),))
    assert nodes_of(Settings(node="controller-0"), simplex) == ("controller-0",)
    assert nodes_of(Settings(node="controller-0"), rows()) == NODES
    assert nodes_of(Settings(node="a", nodes=("a", "b")), simplex) == ("a", "b")
