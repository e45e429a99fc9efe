# SPDX-License-Identifier: Apache-2.0
"""What the bootstrap writes for service management is what service management reads."""
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sm.catalogue.build import catalogue
from sm.catalogue.load import read_site, shipped
from sm.catalogue.seed import configured
from sm.contract.states import PluginKind, ServiceAction
from sm.daemon import settings
from sysinv.bootstrap import management
from sysinv.bootstrap.answers import Answers, parse
from sysinv.bootstrap.steps import UNITS_ENABLED, UNITS_MANAGED

UNITS = Path(__file__).parents[4] / "etc/systemd"


def answers(**more: object) -> Answers:
    return parse({"admin_password": "correct-horse", **more})


def written(folder: Path, given: Answers) -> dict[str, Path]:
    found = {}
    for file in management.management_files(given, "controller-0"):
        found[file.path] = folder / Path(file.path).name
        found[file.path].write_text(file.content)
    return found


def test_the_daemon_reads_its_settings(tmp_path: Path) -> None:
    files = written(tmp_path, answers(overrides={"sm": {"timing": {"lease_ms": 3000, "silent_ms": 700}}}))
    found = settings.read(files[management.SETTINGS])
    assert (found.name, found.nodes, found.timing.lease_ms) == ("controller-0", ("controller-0",), 3000)
    assert found.ready_files == (management.CONFIGURED,)
    assert found.site == management.SITE


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_catalogue_of_this_site_runs_exactly_the_units_that_systemd_does_not_start(tmp_path: Path,
                                                                                      database: str) -> None:
    files = written(tmp_path, answers(database=database))
    found = catalogue(configured(shipped(), read_site(files[management.SITE], shipped())))
    starts = [spec.actions[ServiceAction.ENABLE] for spec in found.services.values()]
    units = {action.name.removesuffix(".service") for action in starts if action.plugin is PluginKind.SYSTEMD}
    assert ("postgres" in found.services) is (database == "postgresql")
    # Keystone's own unit starts its cache.
    assert units == set(UNITS_MANAGED) - {"flock-keystone-cache"}
    addresses = {spec.parameters["ip"]: (spec.parameters["nic"], spec.parameters["cidr_netmask"])
                 for spec in found.services.values() if "ip" in spec.parameters}
    assert addresses == {"169.254.202.1": ("pxeboot0", "24"), "192.168.204.1": ("mgmt0", "24"),
                         "192.168.206.1": ("cluster0", "24"), "10.10.10.1": ("oam0", "24")}


def test_a_network_without_floating_address_gives_none_to_run() -> None:
    given = answers(networks={"oam": {"interface": "oam0", "subnet": "fd00::/64", "controller0_address": "fd00::3"}})
    assert management.site(given, "controller-0")["networks"]["oam"] == {"device": "oam0", "ipv6": {"own": "fd00::3"}}


def test_controllers_speak_to_a_group_of_the_family_of_the_network() -> None:
    given = answers(networks={"mgmt": {"interface": "mgmt0", "subnet": "fd01::/64", "controller0_address": "fd01::2",
                                       "controller1_address": "fd01::3", "floating_address": "fd01::1"}})
    found = management.site(given, "controller-1", pair=True)["networks"]
    assert found["management"]["ipv6"] == {
        "own": "fd01::3", "peer": "fd01::2", "multicast": "ff12::1:1", "floating": "fd01::1/64"}
    assert "multicast" not in management.site(given, "controller-1")["networks"]["management"]["ipv6"]


def test_only_what_systemd_starts_can_be_enabled_and_repaired_by_it() -> None:
    for path in UNITS.glob("flock-*.service"):
        text, unit = path.read_text(), path.stem
        managed = unit in UNITS_MANAGED
        if unit == "flock-keystone-cache":
            assert "PartOf=flock-keystone.service" in text and "[Install]" not in text
        elif managed:
            assert "\nRestart=" not in text and "[Install]" not in text, "two would repair the same service"
        if unit in UNITS_ENABLED:
            assert "WantedBy=multi-user.target" in text


def test_the_daemon_ends_before_what_it_runs_when_the_host_stops() -> None:
    text = (UNITS / "flock-sm.service").read_text()
    after = {word.removesuffix(".service") for line in text.splitlines() if line.startswith("After=")
             for word in line.removeprefix("After=").split()}
    assert set(UNITS_MANAGED) - {"flock-keystone-cache"} <= after
    assert {"KillMode=process", "Delegate=yes", "Type=notify"} <= set(text.splitlines())


def test_files_are_readable_by_root_only() -> None:
    for file in management.management_files(answers(), "controller-0"):
        assert file.mode == 0o600 and yaml.safe_load(file.content)


@pytest.mark.parametrize(("hostname", "peer"), [("controller-0", "192.168.204.3"), ("controller-1", "192.168.204.2")])
def test_only_the_other_controller_reaches_database_and_mirror(hostname: str, peer: str) -> None:
    files = {file.path: file.content for file in management.management_files(answers(), hostname, pair=True)}
    script = files[management.PEERS_ONLY]
    assert f'iifname "mgmt0" ip saddr {peer} tcp dport {{ 5432, 2224 }} notrack accept' in script
    assert "tcp dport { 5432, 2224 } counter drop" in script


def test_without_another_controller_nobody_reaches_them() -> None:
    """The database listens before there is a second controller."""
    files = {file.path: file.content for file in management.management_files(answers(), "controller-0")}
    script = files[management.PEERS_ONLY]
    assert "saddr" not in script and "tcp dport { 5432, 2224 } counter drop" in script


def test_the_other_controller_is_known_from_the_settings_of_the_database(tmp_path: Path) -> None:
    path = tmp_path / "postgres.conf"
    assert management.peers(path) == {}
    for text in ("", "[]", "peers: 7", "{", "node: controller-0"):
        path.write_text(text)
        assert management.peers(path) == {}
    for file in management.management_files(answers(database="postgresql"), "controller-0", pair=True):
        if file.path == management.DATABASE:
            path.write_text(file.content)
    assert management.peers(path) == {"controller-1": "192.168.204.3"}
