# SPDX-License-Identifier: Apache-2.0
"""``system dns-*`` and ``ntp-*``, and the configuration of hosts: tables and requests."""
from __future__ import annotations

import json
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, refusal, run_cli
from sysinv.cmd.shell import PROGRAM

DNS = {"uuid": "d1", "nameservers": "8.8.8.8", "isystem_uuid": "s1", "created_at": "t", "updated_at": None}
NTP = {"uuid": "n1", "ntpservers": "", "isystem_uuid": "s1", "created_at": "t", "updated_at": None}
ORDER = {"uuid": "o1", "created_at": "t", "reason": "DNS servers", "state": "failed", "reboot_required": False,
         "changed": 0, "error": "platform::dns::resolv: no"}
LOGS = {"uuid": "l1", "ip_address": "10.0.0.9", "enabled": True, "transport": "tcp", "port": 514, "key_file": None,
        "isystem_uuid": "s1", "created_at": "t", "updated_at": None}
DRBD = {"uuid": "b1", "link_util": 40, "num_parallel": 1, "rtt_ms": 0.2, "isystem_uuid": "s1", "created_at": "t",
        "updated_at": None}
HOSTS = [{"id": number, "hostname": name, "personality": personality, "administrative": "unlocked",
          "operational": "enabled", "availability": "available", "config_status": None}
         for number, name, personality in ((2, "controller-1", "controller"), (1, "controller-0", "controller"),
                                           (3, "worker-0", "worker"))]
PERIOD = {"uuid": "p1", "service": "platform", "section": "maintenance", "name": "heartbeat_period", "value": "500",
          "personality": None, "resource": None, "created_at": "t", "updated_at": None}
OTHER = {**PERIOD, "uuid": "p2", "name": "mnfa_timeout"}
CUSTOM = {**PERIOD, "uuid": "p3", "personality": "worker", "resource": "a::b"}
SDN = {"uuid": "c1", "state": "enabled", "ip_address": "10.0.0.1", "port": 6653, "transport": "TCP"}
TABLE: dict[str, Any] = {
    "/v1/service_parameter": {"GET": {"parameters": [PERIOD, OTHER, CUSTOM]}, "POST": {"parameters": [PERIOD, OTHER]}},
    "/v1/service_parameter/p1": {"GET": PERIOD, "PATCH": PERIOD, "DELETE": None},
    "/v1/service_parameter/p2": {"PATCH": OTHER}, "/v1/service_parameter/p3": {"PATCH": CUSTOM},
    "/v1/service_parameter/p9": {"GET": refusal(404, "no"), "DELETE": refusal(404, "no")},
    "/v1/service_parameter/apply": {"POST": None},
    "/v1/sdn_controller": {"GET": {"sdn_controllers": [SDN]}, "POST": SDN},
    "/v1/sdn_controller/c1": {"GET": SDN, "PATCH": SDN, "DELETE": None},
    "/v1/remotelogging": {"GET": {"remoteloggings": [LOGS]}}, "/v1/remotelogging/l1": {"PATCH": LOGS},
    "/v1/drbdconfig": {"GET": {"drbdconfigs": [DRBD]}}, "/v1/drbdconfig/b1": {"PATCH": DRBD},
    "/v1/ihosts": {"GET": {"ihosts": HOSTS}},
    "/v1/idns": {"GET": {"idnss": [DNS]}}, "/v1/idns/d1": {"PATCH": DNS},
    "/v1/intp": {"GET": {"intps": [NTP]}}, "/v1/intp/n1": {"PATCH": refusal(400, "No NTP parameters provided.")},
    "/v1/ihosts/w/config_history": {"GET": {"config_history": [ORDER]}},
    "/v1/ihosts/w/config_diff": {"GET": {"config_diff": [{"key": "a::b", "applied": 1, "wanted": None}]}},
}


def system(argv: str, table: dict[str, Any] | None = None) -> tuple[Ran, FakeApi]:
    api = FakeApi(TABLE if table is None else table)
    return run_cli(PROGRAM, argv, api), api


def test_settings_are_shown() -> None:
    shown, _ = system("dns-show")
    assert sorted(line.split("|")[1].strip() for line in shown.out.splitlines()[3:-1]) == sorted([
        "uuid", "nameservers", "isystem_uuid", "created_at", "updated_at"])


def test_settings_are_changed_by_name() -> None:
    done, api = system("dns-modify nameservers=8.8.8.8,8.8.4.4 action=install")
    assert done.code == 0
    assert api.calls[-1][:2] == ("PATCH", "/v1/idns/d1")
    assert api.calls[-1][2] == [
        {"op": "replace", "path": "/action", "value": "install"},
        {"op": "replace", "path": "/nameservers", "value": "8.8.8.8,8.8.4.4"}]
    _, api = system("dns-modify nameservers=8.8.8.8")
    assert api.calls[-1][2][0] == {"op": "replace", "path": "/action", "value": "apply"}


@pytest.mark.parametrize("argv", ["dns-modify servers=1", "dns-modify 8.8.8.8", "ntp-modify nameservers=1"])
def test_what_is_no_setting_is_refused_before_a_request(argv: str) -> None:
    done, api = system(argv)
    assert done.code != 0
    assert "is not one of" in done.err
    assert not [call for call in api.calls if call[0] != "GET"]


def test_a_refusal_is_the_servers_sentence() -> None:
    done, _ = system("ntp-modify ntpservers=")
    assert (done.code, done.err.strip()) == (1, "No NTP parameters provided.")


EFFECT = {"hosts": [f"worker-{number}" for number in range(10)], "classes": [], "ordered": True,
          "reboot_required": False, "changed": 3,
          "changes": [{"key": "platform::ntp::servers", "applied": None, "wanted": ["a"]}]}


@pytest.mark.parametrize(("effects", "lines"), [
    ([], ["No host would change."]),
    ([EFFECT], ["worker-6, worker-7 and 2 more: at once, while in service", "platform::ntp::servers: none -> ['a']",
                "and 2 more values"]),
    ([EFFECT | {"reboot_required": True}], ["after a lock and an unlock"]),
    ([EFFECT | {"ordered": False}], ["at its next unlock"])])
def test_a_dry_run_shows_what_hosts_would_do(effects: list[dict[str, Any]], lines: list[str]) -> None:
    table = TABLE | {"/v1/intp/n1?dry_run=true": {"PATCH": NTP | {"dry_run": effects}}}
    done, api = system("ntp-modify --dry-run ntpservers=a", table)
    assert done.code == 0, done.err
    assert api.calls[-1][1] == "/v1/intp/n1?dry_run=true"
    shown = " ".join(done.out.replace("|", " ").split())
    assert all(line in shown for line in lines), done.out


def test_before_the_bootstrap_there_are_no_settings() -> None:
    done, _ = system("dns-show", {"/v1/idns": {"GET": {"idnss": []}}})
    assert done.code == 1
    assert "There is no system yet" in done.err


def test_orders_and_differences_of_a_host() -> None:
    history, _ = system("host-config-history w -f csv")
    assert "DNS servers" in history.out
    assert "platform::dns::resolv: no" in history.out
    difference, _ = system("host-config-diff w")
    titles = [cell.strip() for cell in difference.out.splitlines()[1].strip("|").split("|")]
    assert titles == ["key", "applied", "wanted"]


def patch(**values: str) -> list[dict[str, str]]:
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]


@pytest.mark.parametrize(("argv", "properties"), [
    ("remotelogging-show", {"uuid", "ip_address", "enabled", "transport", "port", "created_at", "updated_at"}),
    ("remotelogging-modify --port 1", {"uuid", "ip_address", "enabled", "transport", "port", "created_at",
                                       "updated_at"}),
    ("drbdsync-modify --util 50", {"uuid", "isystem_uuid", "created_at", "updated_at", "link_util", "num_parallel",
                                   "rtt_ms"})])
def test_properties(argv: str, properties: set[str]) -> None:
    shown, _ = system(argv)
    assert {line.split("|")[1].strip() for line in shown.out.splitlines()[3:-1]} == properties


@pytest.mark.parametrize(("argv", "path", "sent"), [
    ("remotelogging-modify --ip_address 10.0.0.9 --enabled true --transport tls --port 6514 --key_file /a.pem",
     "/v1/remotelogging/l1", patch(action="apply", ip_address="10.0.0.9", enabled="true", transport="tls", port="6514",
                                   key_file="/a.pem")),
    ("drbdsync-modify --util 60 --rtt_ms 0.5", "/v1/drbdconfig/b1",
     patch(action="apply", link_util="60", rtt_ms="0.5"))])
def test_options_become_a_patch(argv: str, path: str, sent: list[dict[str, str]]) -> None:
    ran, api = system(argv)
    assert ran.code == 0, ran.err
    assert api.calls[-1][:3] == ("PATCH", path, sent)


def test_drbdsync_show_has_the_controllers_below() -> None:
    shown, _ = system("drbdsync-show")
    first, second = shown.out.split("\n\n")
    assert "link_util" in first
    lines = second.splitlines()
    assert [cell.strip() for cell in lines[1].strip("|").split("|")] == [
        "id", "hostname", "personality", "administrative", "operational", "availability", "config_status"]
    assert [line.split("|")[2].strip() for line in lines[3:-1]] == ["controller-0", "controller-1"]
    assert system("drbdsync-show -f json")[0].out.strip().endswith("}")


@pytest.mark.parametrize("argv", ["remotelogging-modify", "drbdsync-modify"])
def test_a_command_without_options_changes_nothing(argv: str) -> None:
    ran, api = system(argv)
    assert ran.code != 0
    assert "give at least one option" in ran.err
    assert api.calls == []


COLUMNS = ["uuid", "service", "section", "name", "value", "personality", "resource"]


def test_service_parameters_are_listed_with_starlingxs_columns() -> None:
    ran, api = system("service-parameter-list --service platform --section maintenance")
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == COLUMNS
    assert api.calls[-1][3] == [
        ("q.field", "service"), ("q.op", "eq"), ("q.type", ""), ("q.value", "platform"),
        ("q.field", "section"), ("q.op", "eq"), ("q.type", ""), ("q.value", "maintenance")]


def test_each_added_parameter_is_shown() -> None:
    ran, api = system("service-parameter-add platform maintenance heartbeat_period=500 mnfa_timeout=a=b")
    assert api.calls[-1][:3] == ("POST", "/v1/service_parameter", {
        "service": "platform", "section": "maintenance", "personality": None, "resource": None,
        "parameters": {"heartbeat_period": "500", "mnfa_timeout": "a=b"}})
    names = [line.split("|")[1].strip() for line in ran.out.splitlines() if line.startswith("| ")]
    assert sorted(name for name in names if name != "Property") == sorted(2 * COLUMNS)
    many = json.loads(system("service-parameter-add platform maintenance a=1 b=2 -f json")[0].out)
    assert [one["uuid"] for one in many] == ["p1", "p2"]


@pytest.mark.parametrize(("argv", "sent"), [
    ("service-parameter-modify platform maintenance heartbeat_period=500 mnfa_timeout=0", [
        ("/v1/service_parameter/p1", patch(name="heartbeat_period", value="500")),
        ("/v1/service_parameter/p2", patch(name="mnfa_timeout", value="0"))]),
    ("service-parameter-modify platform maintenance --personality worker --resource a::b heartbeat_period=1", [
        ("/v1/service_parameter/p3", patch(name="heartbeat_period", value="1", personality="worker",
                                           resource="a::b"))])])
def test_service_parameters_are_modified_by_name(argv: str, sent: list[Any]) -> None:
    ran, api = system(argv)
    assert ran.code == 0, ran.err
    assert [(call[1], call[2]) for call in api.calls if call[0] == "PATCH"] == sent


def test_nothing_is_modified_when_one_of_the_names_does_not_exist() -> None:
    ran, api = system("service-parameter-modify platform maintenance heartbeat_period=500 nothing=1")
    assert (ran.code, ran.err.strip()) == (
        1, "Service Parameter not found: service platform, section maintenance, name nothing")
    assert [call for call in api.calls if call[0] != "GET"] == []


@pytest.mark.parametrize("command", ["add", "modify"])
def test_a_custom_parameter_is_alone(command: str) -> None:
    ran, api = system(f"service-parameter-{command} platform config --resource a::b x=1 y=2")
    assert ran.code != 0
    assert "Cannot specify multiple parameters with custom resource." in ran.err
    assert api.calls == []
    assert "is not of the form name=value" in system(f"service-parameter-{command} platform config x")[0].err


@pytest.mark.parametrize(("argv", "sent", "out"), [
    ("service-parameter-apply platform", ("POST", "/v1/service_parameter/apply", {"service": "platform"}),
     "Applying platform service parameters"),
    ("service-parameter-apply platform --section maintenance", ("POST", "/v1/service_parameter/apply", {
        "service": "platform", "section": "maintenance"}), "Applying platform service parameters"),
    ("service-parameter-delete p1", ("DELETE", "/v1/service_parameter/p1", None), "Deleted service parameter: p1")])
def test_service_parameters_are_applied_and_deleted(argv: str, sent: tuple[Any, ...], out: str) -> None:
    ran, api = system(argv)
    assert (ran.code, ran.out.strip()) == (0, out), ran.err
    assert api.calls[-1][:3] == sent


@pytest.mark.parametrize("command", ["show", "delete"])
def test_a_parameter_that_does_not_exist(command: str) -> None:
    ran, _ = system(f"service-parameter-{command} p9")
    assert (ran.code, ran.err.strip()) == (1, "service parameter not found: p9")


def test_one_service_parameter_is_shown() -> None:
    ran, _ = system("service-parameter-show p1")
    assert sorted(line.split("|")[1].strip() for line in ran.out.splitlines()[3:-1]) == sorted(COLUMNS)


@pytest.mark.parametrize(("argv", "sent"), [
    ("sdn-controller-add -a 10.0.0.1 -p 6653", ("POST", "/v1/sdn_controller", {
        "ip_address": "10.0.0.1", "port": "6653"})),
    ("sdn-controller-add -a sdn.org -p 1 -t TLS -s disabled", ("POST", "/v1/sdn_controller", {
        "ip_address": "sdn.org", "port": "1", "transport": "TLS", "state": "disabled"})),
    ("sdn-controller-modify c1 -s disabled", ("PATCH", "/v1/sdn_controller/c1", patch(state="disabled"))),
    ("sdn-controller-delete c1", ("DELETE", "/v1/sdn_controller/c1", None))])
def test_sdn_controllers_are_changed(argv: str, sent: tuple[Any, ...]) -> None:
    ran, api = system(argv)
    assert ran.code == 0, ran.err
    assert api.calls[-1][:3] == sent


def test_sdn_controllers_have_starlingxs_titles() -> None:
    ran, _ = system("sdn-controller-list")
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == [
        "uuid", "administrative state", "ip address", "remote port"]
    ran, _ = system("sdn-controller-show c1")
    assert {line.split("|")[1].strip() for line in ran.out.splitlines()[3:-1]} == {
        "uuid", "administrative state", "ip address", "remote port", "transport mode"}
    assert "give at least one option" in system("sdn-controller-modify c1")[0].err
