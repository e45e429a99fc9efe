# SPDX-License-Identifier: Apache-2.0
"""``iuser``, ``remotelogging`` and ``drbdconfig``: rules, the requests of StarlingX's clients, what hosts get."""
from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from flock.auth.secrets import SecretBox
from sysinv.conductor.users import PasswordRefused
from sysinv.config import hiera
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import ConfigurationResult, WantedConfiguration
from sysinv.db.lookup import host_row
from sysinv.model.hostfiles import user_purpose
from sysinv.resources.user import rules as user

HASH = "$6$rounds=5000$abcdefgh$" + "x" * 86
OTHER = "$y$j9T$abcdefghijkl$" + "y" * 43


class Settings:
    """A one-row setting of a cloud."""

    def __init__(self, cloud: Any, path: str) -> None:
        self.cloud, self.path = cloud, path

    @property
    def row(self) -> dict[str, Any]:
        (found,) = self.cloud.get(f"/v1/{self.path}").body[f"{self.path}s"]
        return dict(found)

    def put(self, **values: Any) -> Any:
        return self.cloud.patch(f"/v1/{self.path}/{self.row['uuid']}", **values)

    def rendered(self) -> hiera.Rendered:
        with self.cloud.db.reader() as conn:
            return hiera.render(conn, host_row(conn, "controller-0"))

    def wanted(self) -> WantedConfiguration:
        found: WantedConfiguration = self.cloud.configuration.wanted_configuration(
            host_uuid=self.host, certificate_pem="", uptime_s=100)
        return found

    @property
    def host(self) -> str:
        return str(self.cloud.host("controller-0")["uuid"])

    def settle(self) -> list[str]:
        """Have the controller apply what is ordered; returns the classes."""
        found = self.wanted()
        self.cloud.configuration.configuration_applied(
            host_uuid=self.host, result=ConfigurationResult(found.config_uuids))
        return found.classes


@pytest.fixture
def iuser(cloud: Any) -> Settings:
    return Settings(cloud, "iuser")


@pytest.fixture
def logs(cloud: Any) -> Settings:
    return Settings(cloud, "remotelogging")


@pytest.fixture
def drbd(cloud: Any) -> Settings:
    return Settings(cloud, "drbdconfig")


def test_each_system_has_its_rows_with_starlingxs_defaults(iuser: Settings, logs: Settings, drbd: Settings) -> None:
    """Scenario 1."""
    assert {name: drbd.row[name] for name in ("link_util", "num_parallel", "rtt_ms")} == {
        "link_util": 40, "num_parallel": 1, "rtt_ms": 0.2}
    assert {name: logs.row[name] for name in ("ip_address", "enabled", "transport", "port", "key_file")} == {
        "ip_address": None, "enabled": False, "transport": "udp", "port": 514, "key_file": None}
    assert {name: iuser.row[name] for name in ("root_sig", "passwd_hash", "passwd_expiry_days")} == {
        "root_sig": None, "passwd_hash": None, "passwd_expiry_days": None}
    for one in (iuser, logs, drbd):
        assert one.cloud.post(f"/v1/{one.path}", {}).status == 403
        assert one.cloud.delete(f"/v1/{one.path}/{one.row['uuid']}").status == 403


def test_a_password_reaches_all_hosts_and_no_reader(iuser: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reply = iuser.put(passwd_hash=HASH, passwd_expiry_days="90", action="apply")
    assert (reply.status, reply.body["passwd_hash"], reply.body["passwd_expiry_days"]) == (200, None, 90)
    assert reply.body["root_sig"] == user.signature(HASH)
    wanted = iuser.wanted()
    assert wanted.classes == ["platform::users"]
    made = iuser.rendered()
    assert made.secure_system == {"platform::users::params::sysadmin_password": HASH}
    assert made.plain()["platform::users::params::sysadmin_password_max_age"] == 90
    shown = json.dumps([iuser.row, reply.body, made.plain(), wanted.hiera,
                        iuser.cloud.get("/v1/ihosts/controller-0/config_history").body,
                        iuser.cloud.get("/v1/ihosts/controller-0/config_diff").body, caplog.text])
    assert HASH not in shown
    assert iuser.cloud.get(f"/v1/iuser/{iuser.row['uuid']}").body["passwd_hash"] is None


def test_the_files_of_the_active_controller_have_the_hash_only_in_the_private_one(iuser: Settings) -> None:
    iuser.put(passwd_hash=HASH)
    iuser.wanted()
    found = [path for path in iuser.cloud.folder.rglob("*.yaml") if HASH in path.read_text()]
    assert [path.name for path in found] == ["secure_system.yaml"]
    assert {path.stat().st_mode & 0o077 for path in found} == {0}


def test_the_same_password_is_applied_again_only_when_asked(iuser: Settings) -> None:
    iuser.put(passwd_hash=HASH)
    assert iuser.settle() == ["platform::users"]
    assert iuser.put(passwd_hash=HASH).status == 200
    assert iuser.settle() == []
    iuser.put(passwd_hash=HASH, action="apply")
    assert iuser.settle() == ["platform::users"]
    iuser.put(passwd_hash=OTHER, root_sig="whatever", action="install")
    assert iuser.settle() == []
    assert iuser.row["root_sig"] == user.signature(OTHER)


@pytest.mark.parametrize("bad", ["secret", "", "!", "*", "!" + HASH, "$1$abc$" + "x" * 22, HASH + ":", HASH + "\n",
                                 "$6$short", "$6$" + "x" * 300, 7])
def test_what_is_no_hash_is_refused_without_being_repeated(iuser: Settings, bad: Any) -> None:
    iuser.put(passwd_hash=OTHER)
    reply = iuser.put(passwd_hash=bad)
    assert (reply.status, iuser.row["root_sig"]) == (400, user.signature(OTHER))
    assert "passwd_hash" in reply.fault
    if bad not in ("", "!", "*", 7):
        assert str(bad).strip() not in reply.fault


def test_without_a_hash_there_is_nothing_to_apply(iuser: Settings) -> None:
    reply = iuser.put(passwd_expiry_days=90, action="apply")
    assert (reply.status, iuser.row["passwd_expiry_days"]) == (400, None)
    assert reply.fault == "passwd_hash: the hash of the password of user sysadmin is needed."
    assert iuser.rendered().secure_system == {}
    reply = iuser.cloud.call("PATCH", f"/v1/iuser/{iuser.row['uuid']}", [{"op": "remove", "path": "/passwd_hash"}])
    assert reply.status == 400


SHADOW = f"root:*:19000:0:99999:7:::\nsysadmin:{HASH}:19700:0:90:7:::\nsysadmin2:{OTHER}:1:0:1:7:::\n"


@pytest.mark.parametrize(("text", "found"), [
    (SHADOW, user.Entry(HASH, 90, 19700)), ("", None), ("sysadmin", None), ("root:x:1:2:3\n", None),
    (f"sysadmin:!{HASH}:1:0:9:7:::", None), (f"sysadmin:{HASH}::::::", user.Entry(HASH, None, None)),
    (f"sysadmin:{HASH}:-1:0:1234567:7", user.Entry(HASH, None, None))])
def test_entries_of_shadow(text: str, found: user.Entry | None) -> None:
    assert user.shadow_entry(text.splitlines()) == found


@pytest.mark.parametrize(("stored", "configured", "entry", "counts"), [
    (None, "", HASH, True),                          # the first password of the system
    (HASH, user.signature(HASH), OTHER, True),       # passwd on a host that had the system's
    (HASH, user.signature(HASH), HASH, False),       # nothing has changed
    (OTHER, user.signature(HASH), HASH, False),      # the host has not got the new one yet
    (OTHER, user.signature(HASH), OTHER + "z", False),  # changed at both ends: the stored one wins
    (HASH, "", OTHER, False),                        # a host that never got the system's
    (HASH, user.signature(HASH), "!", False)])
def test_which_change_of_a_controller_counts(stored: str | None, configured: str, entry: str, counts: bool) -> None:
    assert user.counts(stored, configured, user.Entry(entry)) is counts


@pytest.fixture
def tell(iuser: Settings) -> Callable[..., None]:
    box = SecretBox.create(iuser.cloud.folder / "secret.key")

    def send(configured: str, new: str, *, host: str = "", purpose: str = "", **more: Any) -> None:
        uuid = host or iuser.host
        text = json.dumps({"configured": configured, "hash": new, **more})
        iuser.cloud.configuration.user_changed(host_uuid=uuid, sealed=box.seal(text, purpose or user_purpose(uuid)))

    return send


def test_passwd_on_a_controller_changes_the_password_of_all_hosts(iuser: Settings, tell: Callable[..., None]) -> None:
    iuser.put(passwd_hash=HASH)
    iuser.settle()
    tell(user.signature(HASH), OTHER, max_days=45, last_change=19701)
    assert (iuser.row["root_sig"], iuser.row["passwd_expiry_days"]) == (user.signature(OTHER), 45)
    assert iuser.rendered().secure_system == {"platform::users::params::sysadmin_password": OTHER}
    assert iuser.settle() == ["platform::users"]
    tell(user.signature(HASH), OTHER)
    assert iuser.settle() == [], "told again, because the host is not configured yet"
    tell(user.signature(HASH), HASH)
    assert iuser.row["root_sig"] == user.signature(OTHER), "an older password does not come back"


def test_who_may_not_change_it(iuser: Settings, tell: Callable[..., None]) -> None:
    cloud = iuser.cloud
    cloud.post("/v1/ihosts", {"personality": "worker", "hostname": "worker-0", "mgmt_mac": "08:00:27:00:00:77"})
    worker = str(cloud.host("worker-0")["uuid"])
    with pytest.raises(PasswordRefused, match="Only controllers"):
        tell("", OTHER, host=worker)
    with pytest.raises(PasswordRefused, match="can not be opened|cannot be opened"):
        tell("", OTHER, purpose=user_purpose(worker))
    with pytest.raises(PasswordRefused):
        cloud.configuration.user_changed(host_uuid=iuser.host, sealed="nonsense")
    with pytest.raises(HostNotFound):
        tell("", OTHER, host="6f0c2f6a-35b9-4e4f-9c38-6f2d3f0b7d11")
    tell("", "not a hash")
    assert iuser.row["root_sig"] is None


def test_odd_days_do_not_lose_the_password(iuser: Settings, tell: Callable[..., None]) -> None:
    tell("", HASH, max_days="many", last_change=-5)
    assert (iuser.row["root_sig"], iuser.row["passwd_expiry_days"]) == (user.signature(HASH), None)


def test_a_log_server_reaches_all_hosts(logs: Settings) -> None:
    reply = logs.put(ip_address="10.10.10.99", enabled="true", transport="tcp", port="6514", action="apply")
    assert (reply.status, reply.body["enabled"], reply.body["port"]) == (200, True, 6514)
    assert logs.settle() == ["platform::remotelogging"]
    data = logs.rendered().plain()
    assert {key.rpartition("::")[2]: value for key, value in data.items() if "remotelogging::params" in key} == {
        "enabled": True, "ip_address": "10.10.10.99", "port": 6514, "transport": "tcp", "key_file": None}
    assert logs.put(enabled="false").body["ip_address"] == "10.10.10.99"
    assert logs.settle() == ["platform::remotelogging"]


@pytest.mark.parametrize(("values", "rule"), [
    ({"enabled": "true"}, "ip_address: the address of the log server is needed"),
    ({"ip_address": "10.0.0"}, "ip_address: 10.0.0 is not a valid IP address."),
    ({"ip_address": "224.0.0.1"}, "is not the address of a log server"),
    ({"ip_address": "127.0.0.1"}, "is not the address of a log server"),
    ({"transport": "http"}, "transport"), ({"port": "0"}, "port"), ({"port": "65536"}, "port"),
    ({"port": "many"}, "port"), ({"enabled": "maybe"}, "enabled"), ({"key_file": "host.pem"}, "key_file"),
    ({"key_file": '/a"b'}, "key_file"), ({"key_file": "/a.pem"}, "key_file: a key is only used with transport tls"),
    ({"ip_address": "10.0.0.1", "action": "later"}, "action")])
def test_what_is_no_log_server_changes_nothing(logs: Settings, values: dict[str, str], rule: str) -> None:
    before = logs.row
    reply = logs.put(**values)
    assert (reply.status, logs.row) == (400, before)
    assert rule in reply.fault
    assert logs.settle() == []


def test_the_address_of_the_log_server_cannot_be_removed(logs: Settings) -> None:
    reply = logs.cloud.call("PATCH", f"/v1/remotelogging/{logs.row['uuid']}", [{"op": "remove", "path": "/ip_address"}])
    assert reply.status == 400
    assert "mandatory attribute" in reply.fault
    logs.put(ip_address="fd00:0::1", enabled="true", transport="tls", key_file="/etc/ssl/private/host.pem")
    assert (logs.row["ip_address"], logs.row["key_file"]) == ("fd00::1", "/etc/ssl/private/host.pem")
    assert logs.put(ip_address="").status == 400
    assert logs.put(transport="udp", key_file="").body["key_file"] is None


@pytest.mark.parametrize(("values", "status"), [
    ({"link_util": "5"}, 200), ({"link_util": "80"}, 200), ({"link_util": "4"}, 400), ({"link_util": "81"}, 400),
    ({"num_parallel": "1"}, 200), ({"num_parallel": "2"}, 400), ({"rtt_ms": "20"}, 200), ({"rtt_ms": "0.1"}, 400),
    ({"rtt_ms": "20.1"}, 400), ({"rtt_ms": "nan"}, 400), ({"rtt_ms": True}, 400), ({"secure": "true"}, 200),
    ({"secure": "false"}, 400)])
def test_drbds_settings_are_checked_and_configure_no_host(
        drbd: Settings, values: dict[str, Any], status: int) -> None:
    before = drbd.row
    reply = drbd.put(**values, action="apply")
    assert reply.status == status, reply.body
    if status == 400:
        assert drbd.row == before
        assert next(iter(values)) in reply.fault
    assert drbd.settle() == []


SDN = "/v1/sdn_controller"


@pytest.fixture
def sdn(cloud: Any) -> Any:
    (system,) = cloud.get("/v1/isystems").body["isystems"]
    assert cloud.patch(f"/v1/isystems/{system['uuid']}", sdn_enabled="true").status == 200
    return cloud


def test_sdn_controllers_need_sdn(cloud: Any) -> None:
    reply = cloud.post(SDN, {"ip_address": "10.10.10.20", "port": "6653"})
    assert reply.status == 400
    assert reply.fault == "SDN controllers need SDN. Enable it with 'system modify --sdn_enabled true'."
    assert cloud.get(SDN).body["sdn_controllers"] == []


def test_sdn_controllers_are_added_changed_and_deleted(sdn: Any) -> None:
    added = sdn.post(SDN, {"ip_address": "10.10.10.20", "port": "6653"}).body
    assert {name: added[name] for name in ("state", "ip_address", "port", "transport")} == {
        "state": "enabled", "ip_address": "10.10.10.20", "port": 6653, "transport": "TCP"}
    other = sdn.post(SDN, {"ip_address": "sdn.example.org", "port": 6653, "transport": "TLS", "state": "disabled"}).body
    assert sdn.post(SDN, {"ip_address": "10.10.10.20", "port": 6653}).status == 409
    reply = sdn.patch(f"{SDN}/{other['uuid']}", ip_address="10.10.10.20")
    assert (reply.status, reply.fault) == (
        409, "There is an SDN controller with address 10.10.10.20 and port 6653 already.")
    assert sdn.patch(f"{SDN}/{other['uuid']}", state="enabled", port="6654").body["port"] == 6654
    assert len(sdn.get(SDN).body["sdn_controllers"]) == 2
    (system,) = sdn.get("/v1/isystems").body["isystems"]
    reply = sdn.patch(f"/v1/isystems/{system['uuid']}", sdn_enabled="false")
    assert (reply.status, "SDN controllers: 2" in reply.fault) == (400, True)
    for one in (added, other):
        assert sdn.delete(f"{SDN}/{one['uuid']}").status == 204
        assert sdn.get(f"{SDN}/{one['uuid']}").status == 404
        assert sdn.patch(f"{SDN}/{one['uuid']}", port="1").status == 404
    assert sdn.patch(f"/v1/isystems/{system['uuid']}", sdn_enabled="false").status == 200


@pytest.mark.parametrize(("changes", "text"), [
    ({"ip_address": "fd00::1"}, "is IPv6, which the OAM network does not have"),
    ({"ip_address": "224.0.0.1"}, "is not the address"), ({"ip_address": "127.0.0.1"}, "is not the address"),
    ({"ip_address": "10.0.0"}, "neither an IP address nor a host name"), ({"ip_address": "-a.org"}, "neither"),
    ({"ip_address": "a b"}, "ip_address"), ({"ip_address": None}, "ip_address"), ({"port": "0"}, "port"),
    ({"port": None}, "port"), ({"transport": "tcp"}, "transport"), ({"state": "up"}, "state")])
def test_what_is_no_sdn_controller_is_refused(sdn: Any, changes: dict[str, Any], text: str) -> None:
    reply = sdn.post(SDN, {"ip_address": "10.10.10.20", "port": "6653", **changes})
    assert reply.status == 400
    assert text in reply.fault
    assert sdn.get(SDN).body["sdn_controllers"] == []


def test_the_number_of_sdn_controllers_has_a_limit(sdn: Any) -> None:
    for port in range(1, 65):
        assert sdn.post(SDN, {"ip_address": "10.10.10.20", "port": port}).status == 200
    reply = sdn.post(SDN, {"ip_address": "10.10.10.20", "port": 65})
    assert (reply.status, reply.fault) == (400, "At most 64 SDN controllers are possible.")
