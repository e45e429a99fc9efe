# SPDX-License-Identifier: Apache-2.0
"""What a second controller gets when it is installed, and what the conductor keeps for it."""
from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from flock.conf import shared
from flock.core.errors import InvalidInput, Refused, Unavailable
from sysinv.conductor.accounts import keeper
from sysinv.conductor.boards import Boards
from sysinv.conductor.controllerfiles import SOURCES, ControllerFilesEndpoint
from sysinv.contract.records import IssuedCertificate, SharedFile
from sysinv.hosts import expected
from sysinv.hosts.bundle import CONTROLLER_UNITS, UNITS, CloudFacts, HostFacts, render_bundle

ETC = Path(__file__).parents[4] / "etc/systemd"


def controller(cloud: Any) -> str:
    uuid: str = cloud.discover()
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="controller").body["hostname"] == "controller-1"
    return uuid


def endpoint(cloud: Any, root: Path) -> ControllerFilesEndpoint:
    return ControllerFilesEndpoint(cloud.db, "controller-0", lambda: None, root, lambda _mac: True)


def filled(root: Path) -> Path:
    for source in SOURCES:
        place = root / source.relative_to("/")
        files = [place] if source.suffix else [place / "0", place / "deep" / "1"]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"content of {file.name}")
    return root


def test_an_installing_controller_gets_all_that_both_share(cloud: Any, tmp_path: Path) -> None:
    found = endpoint(cloud, filled(tmp_path)).shared_files(host_uuid=controller(cloud))
    paths = {file.path for file in found}
    assert {str(source) for source in SOURCES if source.suffix} <= paths
    assert {str(shared.IDENTITY_KEYS / "0"), str(shared.IDENTITY_KEYS / "deep/1")} <= paths
    assert {file.mode for file in found} == {0o600}


def test_nobody_else_gets_them(cloud: Any, tmp_path: Path) -> None:
    given = endpoint(cloud, filled(tmp_path))
    worker = cloud.discover()
    cloud.patch(f"/v1/ihosts/{worker}", personality="worker", hostname="worker-0")
    own = cloud.host("controller-0")["uuid"]
    for uuid in (worker, own):
        with pytest.raises(Refused):
            given.shared_files(host_uuid=uuid)


def test_one_in_service_does_not_get_them(cloud: Any, tmp_path: Path) -> None:
    uuid = controller(cloud)
    cloud.state("controller-1", administrative="unlocked")
    with pytest.raises(Refused):
        endpoint(cloud, filled(tmp_path)).shared_files(host_uuid=uuid)


def test_one_that_nobody_expects_does_not_get_them(cloud: Any, tmp_path: Path) -> None:
    """Its machine asks again, so the error says what to do and is one of those that pass."""
    uuid, place, now = controller(cloud), tmp_path / "permit.json", [1000.0]
    mac = cloud.host("controller-1")["mgmt_mac"]

    def permitted(address: str) -> bool:
        return expected.is_expected(address, place, lambda: now[0])
    given = ControllerFilesEndpoint(cloud.db, "controller-0", lambda: None, filled(tmp_path), permitted)
    with pytest.raises(Unavailable, match=f"flock-bootstrap --expect {mac}"):
        given.shared_files(host_uuid=uuid)
    expected.expect("08:00:27:00:00:99", 30, place, lambda: now[0])
    with pytest.raises(Unavailable):
        given.shared_files(host_uuid=uuid)
    expected.expect(mac.upper(), 1, place, lambda: now[0])
    assert given.shared_files(host_uuid=uuid) and stat.S_IMODE(place.stat().st_mode) == 0o600
    now[0] += 60
    with pytest.raises(Unavailable):
        given.shared_files(host_uuid=uuid)
    expected.expect(mac, 1, place, lambda: now[0])
    expected.end(place)
    assert not permitted(mac)


@pytest.mark.parametrize(("mac", "minutes", "rule"), [
    ("controller-1", 30, "must be a MAC address"), ("01:00:5e:00:00:01", 30, "must be a MAC address"),
    ("08:00:27:00:00:01", 0, "from 1 to"), ("08:00:27:00:00:01", 1441, "from 1 to")])
def test_a_wrong_permit_is_refused(mac: str, minutes: int, rule: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=rule):
        expected.expect(mac, minutes, tmp_path / "permit.json")
    assert not (tmp_path / "permit.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"mac": 1, "boot": 2, "until_s": "x"}', "null"])
def test_a_permit_that_cannot_be_read_permits_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / "permit.json").write_text(content)
    assert not expected.is_expected("08:00:27:00:00:01", tmp_path / "permit.json")


def test_what_is_missing_is_named(cloud: Any, tmp_path: Path) -> None:
    (filled(tmp_path) / "opt/platform/flock/secrets.key").unlink()
    with pytest.raises(Unavailable, match=r"secrets\.key is missing"):
        endpoint(cloud, tmp_path).shared_files(host_uuid=controller(cloud))


def test_the_boards_of_controllers_are_known_and_those_of_others_not(cloud: Any, tmp_path: Path) -> None:
    controller(cloud)
    board = {"bm_type": "redfish", "bm_ip": "10.10.20.104", "bm_username": "root", "bm_password": "pass-word"}
    assert cloud.patch("/v1/ihosts/controller-1", **board).status == 200
    worker = cloud.discover("08:00:27:be:6e:26")
    cloud.patch(f"/v1/ihosts/{worker}", personality="worker", hostname="worker-0")
    cloud.patch("/v1/ihosts/worker-0", **(board | {"bm_ip": "10.10.20.105"}))
    path = tmp_path / "boards.yaml"
    Boards(cloud.db, cloud.folder / "secret.key", path).write()
    assert yaml.safe_load(path.read_text()) == {"controller-1": {
        "type": "redfish", "address": "10.10.20.104", "username": "root", "password": "pass-word"}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Boards(cloud.db, tmp_path / "other.key", path).write()
    assert yaml.safe_load(path.read_text()) == {}, "what cannot be opened is not used"


def test_the_definitions_of_the_bus_keep_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    keeper(path)("{}")
    assert not path.exists(), "this controller has no such file"
    path.touch(0o640)
    keeper(path)("{}")
    assert path.read_text() == "{}" and stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(("personality", "units"), [("controller", CONTROLLER_UNITS), ("worker", UNITS)])
def test_only_a_controller_has_work_before_it_is_configured(personality: str, units: tuple[str, ...]) -> None:
    host = HostFacts("u", "controller-1", personality, personality, "1", ())
    cloud = CloudFacts("s", "Standard", "duplex", "RegionOne", "192.168.204.1", (), {}, "rabbit://controller:5671/",
                       bytes(32))
    bundle = render_bundle(host, cloud, "secret", IssuedCertificate("c", "a"), [SharedFile("/opt/x", 0o600, "text")])
    assert tuple(bundle["units"]) == units and all((ETC / unit).exists() for unit in units)
    files = {file["path"]: file for file in bundle["files"]}
    assert files["/opt/x"] == {"path": "/opt/x", "mode": "0600", "content": "text"}
    assert ("/etc/platform/.initial_config_complete" in files) is (personality == "worker")
