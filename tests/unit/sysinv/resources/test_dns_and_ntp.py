# SPDX-License-Identifier: Apache-2.0
"""DNS and NTP servers of the system: rules, the requests of StarlingX's client, what the controllers get."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sysinv.config import hiera
from sysinv.contract.records import ConfigurationResult, WantedConfiguration
from sysinv.db.lookup import host_row
from sysinv.resources.dns import rules as dns
from sysinv.resources.ntp import rules as ntp

Change = Callable[..., Any]


class Settings:
    """``idns`` or ``intp`` of a cloud."""

    def __init__(self, cloud: Any, path: str, field: str) -> None:
        self.cloud, self.path, self.field = cloud, path, field

    @property
    def row(self) -> dict[str, Any]:
        (found,) = self.cloud.get(f"/v1/{self.path}").body[f"{self.path}s"]
        return dict(found)

    @property
    def servers(self) -> str:
        return str(self.row[self.field])

    def put(self, value: Any, action: str | None = "apply") -> Any:
        values = {self.field: value} | ({} if action is None else {"action": action})
        return self.cloud.patch(f"/v1/{self.path}/{self.row['uuid']}", **values)


@pytest.fixture
def idns(cloud: Any) -> Settings:
    return Settings(cloud, "idns", "nameservers")


@pytest.fixture
def intp(cloud: Any) -> Settings:
    return Settings(cloud, "intp", "ntpservers")


def wanted(cloud: Any) -> WantedConfiguration:
    found: WantedConfiguration = cloud.configuration.wanted_configuration(
        host_uuid=cloud.host("controller-0")["uuid"], certificate_pem="", uptime_s=100)
    return found


def keys(cloud: Any, name: str) -> dict[str, Any]:
    with cloud.db.reader() as conn:
        return hiera.render(conn, host_row(conn, name)).plain()


def test_each_system_has_its_row_and_no_more(idns: Settings, intp: Settings) -> None:
    """Scenario 1."""
    for settings in (idns, intp):
        assert settings.servers == ""
        assert settings.row["isystem_uuid"] == settings.cloud.get("/v1/isystems").body["isystems"][0]["uuid"]
        assert settings.cloud.post(f"/v1/{settings.path}", {}).status == 403
        assert settings.cloud.delete(f"/v1/{settings.path}/{settings.row['uuid']}").status == 403
        assert settings.cloud.get(f"/v1/{settings.path}/{settings.row['uuid']}").body[settings.field] == ""
        assert settings.cloud.get(f"/v1/{settings.path}/6e6f6465-0000-4000-8000-000000000001").status == 404


def test_dns_servers_reach_the_controllers_in_one_run(idns: Settings) -> None:
    """Scenario 6."""
    assert idns.put("8.8.8.8, 8.8.4.4").body["nameservers"] == "8.8.8.8,8.8.4.4"
    found = wanted(idns.cloud)
    assert found.classes == ["platform::dns::resolv"]
    idns.cloud.configuration.configuration_applied(
        host_uuid=idns.cloud.host("controller-0")["uuid"], result=ConfigurationResult(found.config_uuids))
    assert keys(idns.cloud, "controller-0")["platform::dns::resolv::servers"] == ["8.8.8.8", "8.8.4.4"]
    assert idns.put("8.8.8.8,8.8.4.4", action=None).status == 200
    assert wanted(idns.cloud).classes == [], "nothing has changed"
    assert idns.put("8.8.8.8,8.8.4.4").status == 200
    assert wanted(idns.cloud).classes == ["platform::dns::resolv"], "the same command repeats what failed"
    assert idns.put("").body["nameservers"] == ""
    assert wanted(idns.cloud).classes == ["platform::dns::resolv"]


def test_an_installer_stores_without_applying(idns: Settings) -> None:
    assert idns.put("8.8.8.8", action="install").status == 200
    assert idns.servers == "8.8.8.8"
    assert wanted(idns.cloud).classes == []
    assert idns.put("8.8.4.4", action="later").status == 400
    assert idns.servers == "8.8.8.8"


@pytest.mark.parametrize(("value", "rule"), [
    ("1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4", "at most 3 servers are supported, 4 are given"),
    ("8.8.8", "8.8.8 is not a valid IP address"), ("fd00::1", "fd00::1 is IPv6, which the OAM network does not have"),
    ("0.0.0.0", "0.0.0.0 is not the address of a server"), ("224.0.0.1", "is not the address"),
    ("127.0.0.1", "is not the address of a server"), ("dns.example.org", "is not a valid IP address")])
def test_what_is_no_list_of_dns_servers_changes_nothing(idns: Settings, value: str, rule: str) -> None:
    idns.put("9.9.9.9")
    reply = idns.put(value)
    assert (reply.status, idns.servers) == (400, "9.9.9.9")
    assert rule in reply.fault


def test_the_last_dns_server_stays_while_an_ntp_server_is_a_name(idns: Settings, intp: Settings) -> None:
    idns.put("8.8.8.8")
    assert intp.put("0.pool.ntp.org,10.1.1.1").status == 200
    for value in ("", "NC"):
        reply = idns.put(value)
        assert (reply.status, idns.servers) == (400, "8.8.8.8")
        assert "NTP servers are given by name: 0.pool.ntp.org" in reply.fault
    assert intp.put("10.1.1.1").status == 200
    assert idns.put("NC").body["nameservers"] == ""


@pytest.mark.parametrize(("value", "rule"), [
    ("", "No NTP parameters provided."), (" , ", "No NTP parameters provided."),
    ("1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4", "at most 3"), ("1.2.3", "neither an IP address nor a host name"),
    ("-a.org", "neither"), ("a b", "neither"), ("x" * 64, "neither"), ("255.255.255.255,0.0.0.0", "not the address"),
    ("pool.ntp.org", "pool.ntp.org is a name, and no DNS server is configured"), ("a;reboot", "neither")])
def test_what_is_no_list_of_ntp_servers_changes_nothing(intp: Settings, value: str, rule: str) -> None:
    intp.put("10.9.9.9")
    reply = intp.put(value)
    assert (reply.status, intp.servers) == (400, "10.9.9.9")
    assert rule in reply.fault


def test_ntp_servers_are_applied_without_a_reboot(intp: Settings) -> None:
    """Scenario 7 in our form: the time service restarts."""
    assert intp.put("1.2.3.4").status == 200
    assert wanted(intp.cloud).classes == ["platform::ntp"]
    (order,) = intp.cloud.get("/v1/ihosts/controller-0/config_history").body["config_history"]
    assert (order["reason"], order["reboot_required"]) == ("NTP servers", False)
    assert intp.put("NC").body["ntpservers"] == ""


def test_controllers_serve_the_time_and_the_others_ask_them(intp: Settings) -> None:
    cloud = intp.cloud
    intp.put("1.2.3.4")
    cloud.post("/v1/ihosts", {"personality": "worker", "hostname": "worker-0", "mgmt_mac": "08:00:27:00:00:77"})
    controller, worker = keys(cloud, "controller-0"), keys(cloud, "worker-0")
    assert controller["platform::ntp::servers"] == ["1.2.3.4"]
    assert controller["platform::ntp::serves"] == ["192.168.204.0/24"]
    assert worker["platform::ntp::servers"] == ["controller-0", "controller-1"]
    assert worker["platform::ntp::serves"] == []
    cloud.patch("/v1/ihosts/worker-0", clock_synchronization="ptp")
    assert keys(cloud, "worker-0")["platform::ntp::servers"] == []


def test_a_reader_changes_nothing(idns: Settings) -> None:
    assert idns.cloud.patch(f"/v1/idns/{idns.row['uuid']}", role="reader", nameservers="8.8.8.8").status == 403


@pytest.mark.parametrize(("text", "found"), [("", ()), ("NC", ()), (" a ,b", ("a", "b")), (",,", ())])
def test_lists(text: str, found: tuple[str, ...]) -> None:
    assert dns.listed(text) == found


def test_servers_that_are_given_twice_count_once() -> None:
    assert dns.check(["8.8.8.8", "8.8.8.8"], {4}, ()) == ("8.8.8.8",)
    assert dns.check(["fd00:0::1"], {4, 6}, ()) == ("fd00::1",)
    assert ntp.check("a.org,a.org", has_dns=True) == ("a.org",)
