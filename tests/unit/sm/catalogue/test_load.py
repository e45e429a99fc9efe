# SPDX-License-Identifier: Apache-2.0
"""Files that break rules: each problem names its file, row, field and rule, and all of them are reported at once."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from sm.catalogue import load, reader
from sm.catalogue.problems import CatalogueRefused
from sm.catalogue.site import Site
from tests.unit.sm.catalogue.sites import MODES

FRONT = "groups/oam-services.yaml"
DEPLOYMENTS = "deployments.yaml"
SITE = """
mode: duplex
unit: controller-0
features: [ceph]
networks:
  management: {device: eth0, ipv4: {floating: 192.168.204.1/24, own: 192.168.204.2, peer: 192.168.204.3}}
parameters:
  postgres: {version: "16"}
"""


def text_of(name: str) -> dict[str, object]:
    # libyaml is ten times faster, and these files are ours.
    return yaml.load((load.SHIPPED / name).read_text(), Loader=yaml.CSafeLoader)  # type: ignore[no-any-return] # noqa: S506


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped files with few services, so that each of the many cases loads quickly."""
    place = tmp_path_factory.mktemp("small")
    (place / "groups").mkdir()
    for name in (FRONT, "groups/web-services.yaml", DEPLOYMENTS):
        shutil.copy(load.SHIPPED / name, place / name)
    (place / "results.yaml").write_text(yaml.dump({"exec": text_of("results.yaml")["exec"]}, Dumper=yaml.CSafeDumper))
    document = text_of("groups/controller-services.yaml")
    needed = {"pxeboot-ipv4", "management-ipv4", "management-ipv6", "cluster-host-ipv4", "cluster-host-ipv6",
              "drbd-platform", "postgres", "dnsmasq"}
    bare = ("impact", "plugin", "limits", "audit", "commands")
    document["services"] = {name: {key: body[key] for key in bare if key in body}
                            for name, body in document["services"].items() if name in needed}  # type: ignore[attr-defined]
    (place / "groups/controller-services.yaml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper))
    load.read(place)
    return place


@pytest.fixture
def files(small: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(small, tmp_path / "files"))


def edit(path: Path, *steps: object, value: object) -> None:
    """Set the value at the end of these keys."""
    document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)  # noqa: S506
    inner = document
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))


def refused(files: Path) -> list[str]:
    with pytest.raises(CatalogueRefused) as caught:
        load.read(files)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def test_shipped_files_load() -> None:
    found = load.shipped()
    assert len(found.groups) == 10 and set(found.deployments.modes) == set(MODES)
    postgres = found.groups["controller-services"].services["postgres"]
    assert postgres.starlingx and postgres.starlingx.plugin == "ocf:heartbeat/pgsql"
    assert postgres.flock and postgres.flock.go_active_after == ("mgmt-ip",) and not postgres.flock.disable_needs
    assert found.groups["controller-services"].services["fm-api"].starlingx is None


@pytest.mark.parametrize(("steps", "value", "problem"), [
    (("services", "haproxy", "enable_needs"), ["postgress"], "service haproxy: enable_needs: there is no service "
                                                             "'postgress'"),
    (("services", "haproxy", "flock", "enable_needs"), ["nobody"],
     "service haproxy flock: enable_needs: there is no service 'nobody'"),
    (("services", "haproxy", "audit"), -1, "service haproxy: audit.enabled: must not be negative"),
    (("services", "haproxy", "limits", "stop"), -5, "service haproxy: limits.stop: must not be negative"),
    (("services", "haproxy", "limits", "stop"), "soon", "service haproxy: limits.stop: must be an integer"),
    (("services", "haproxy", "limits"), {"start": 1, "stop": 2}, "service haproxy: limits.audit: is required"),
    (("services", "haproxy", "impact"), "huge", "service haproxy: impact: must be one of none, minor, major, critical"),
    (("services", "haproxy", "plugin"), "haproxy", "service haproxy: plugin: must begin with one of ocf:, lsb:, "),
    (("services", "haproxy", "plugin"), "ocf:haproxy", "service haproxy: plugin: an OCF agent needs its provider"),
    (("services", "haproxy", "plugin"), "systemd:haproxy", "service haproxy: plugin: must be a systemd unit"),
    (("services", "haproxy", "when"), ["simplexx"], "service haproxy: when: 'simplexx' is not a known word"),
    (("services", "haproxy", "when"), ["ceph | not rok"], "service haproxy: when: 'not rok' is not a known word"),
    (("services", "haproxy", "retries"), {"enabel": 1}, "service haproxy: retries: 'enabel' is not an action"),
    (("services", "haproxy", "commands"), {"go-active": "promote"},
     "service haproxy: limits.go: stands exactly where commands name go-active and go-standby"),
    (("services", "haproxy", "impct"), "minor", "service haproxy: impct: is not known here; known are audit, "),
    (("services", "haproxy", "limits", "strt"), 3, "service haproxy: limits.strt: is not known here"),
    (("services", "haproxy", "heartbeat"), {"famly": "unix"}, "service haproxy: heartbeat.famly: is not known here"),
    (("services", "haproxy"), "yes", "service haproxy: must be a mapping"),
    (("services", "postgres"), {"impact": "minor", "plugin": "lsb:a", "limits": {"start": 1, "stop": 1, "audit": 1},
                                "audit": 1}, "service postgres: group: is already a service of controller-services"),
    (("services",), {}, "services: a group needs services"),
    (("group",), "controller-services", "controller-services: group: is already defined in controller-services.yaml"),
    (("placement", "model"), "N to N", "placement.model: must be one of N, N + M"),
    (("priority",), 3, "priority: is not known here"),
])
def test_a_group_that_breaks_a_rule(files: Path, steps: tuple[str, ...], value: object, problem: str) -> None:
    edit(files / FRONT, *steps, value=value)
    assert any(line.startswith(f"oam-services.yaml: {problem}") for line in refused(files)), refused(files)


@pytest.mark.parametrize(("file", "steps", "value", "problem"), [
    (DEPLOYMENTS, ("aliases", "mgmt-ip"), ["management"], "deployments.yaml: aliases mgmt-ip: there is no service "
                                                          "'management'"),
    (DEPLOYMENTS, ("paths", "oam-interface", "network"), "lan", "deployments.yaml: paths oam-interface: network: "
                                                                "there is no network 'lan'"),
    (DEPLOYMENTS, ("modes", "simplex", "agregates"), False, "deployments.yaml: modes.simplex.agregates: is not known"),
    (DEPLOYMENTS, ("domain", "priority"), "high", "deployments.yaml: domain.priority: must be an integer"),
    ("results.yaml", ("exec", "default", "default", 0, "state"), "running",
     "results.yaml: exec default default 1: state: must be none or one of initial"),
    ("results.yaml", ("exec", "default", "default", 0, "result"), "good",
     "results.yaml: exec default default 1: result: must be one of success, failed"),
    ("results.yaml", ("python",), {}, "results.yaml: python: must be one of systemd, ocf-script"),
])
def test_other_files_that_break_a_rule(files: Path, file: str, steps: tuple[object, ...], value: object,
                                       problem: str) -> None:
    edit(files / file, *steps, value=value)
    assert any(line.startswith(problem) for line in refused(files)), refused(files)


def test_all_problems_are_reported_at_once(files: Path) -> None:
    edit(files / FRONT, "services", "haproxy", "enable_needs", value=["nobody"])
    edit(files / "groups/web-services.yaml", "services", "lighttpd", "audit", value=-3)
    found = refused(files)
    assert {line.split(":")[0] for line in found} == {"web-services.yaml", "oam-services.yaml"}


@pytest.mark.parametrize(("text", "problem"), [
    ("a: 1\na: 2\n", "the key 'a' stands twice in one mapping"),
    ("services:\n  x: {impact: minor, impact: major}\n", "the key 'impact' stands twice"),
    ("- 1\n", "must be a mapping whose keys are text"),
    ("1: 2\n", "must be a mapping whose keys are text"),
    ("a: [\n", "while parsing"),
    ("a: !!python/object:os.system {}\n", "could not determine a constructor"),
    ("x: " + "a" * reader.FILE_BYTES_MAX, "must be at most 1000000 bytes long"),
    ("[" * 500, "recursion"),
])
def test_a_file_that_is_no_mapping(files: Path, text: str, problem: str) -> None:
    (files / FRONT).write_text(text)
    found = next(line for line in refused(files) if line.startswith("oam-services.yaml"))
    assert problem in found


def test_a_file_that_is_not_there(files: Path) -> None:
    (files / DEPLOYMENTS).unlink()
    assert any(line.startswith("deployments.yaml: ") and "No such file" in line for line in refused(files))


def test_a_site(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    found = load.read_site(path, load.shipped())
    assert isinstance(found, Site) and found.networks["management"].device == "eth0"
    assert (found.platform, found.role, found.parameters["postgres"]) == ("flock", "none", {"version": "16"})


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("mode: duplex", "mode: triplex", "site.yaml: site: mode: 'triplex' is not known; known are duplex, "),
    ("unit: controller-0\n", "unit: controller-0\nconfiguration: {policy: promote}\n",
     "site.yaml: site: configuration.policy: has no effect here; it is set in /etc/sm/sm.conf"),
    ("features: [ceph]", "features: [cephh]", "site.yaml: site: features: 'cephh' is not known"),
    ("management:", "lan:", "site.yaml: site: networks: 'lan' is not known"),
    ("postgres:", "mysql:", "site.yaml: site: parameters: 'mysql' is not known"),
    ("unit: controller-0\n", "", "site.yaml: site: unit: is required"),
    ("device: eth0", "devise: eth0", "site.yaml: site: networks.management.devise: is not known here"),
    ("204.1/24", "204.1", "site.yaml: network management: ipv4.floating: must be an IPv4 address with prefix length"),
    ("own: 192.168.204.2", "own: 192.168.204.2/24", "ipv4.own: must be an IPv4 address without prefix length"),
    ("peer: 192.168.204.3", "peer: fd00::1", "ipv4.peer: must be an IPv4 address"),
    ("ipv4: {", "primary: ipv6, ipv4: {", "network management: primary: must be a family that the network has"),
])
def test_a_site_that_breaks_a_rule(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "site.yaml"
    assert old in SITE
    path.write_text(SITE.replace(old, new))
    with pytest.raises(CatalogueRefused) as caught:
        load.read_site(path, load.shipped())
    assert problem in str(caught.value)
