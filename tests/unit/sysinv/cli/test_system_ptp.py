# SPDX-License-Identifier: Apache-2.0
"""``system ptp-*``, ``host-ptp-instance-*`` and ``host-if-ptp-*``: columns, requests, what cannot be meant."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, refusal, run_cli
from sysinv.cmd.shell import PROGRAM

INSTANCE = {"id": 3, "uuid": "p-3", "name": "ptp1", "service": "ptp4l", "hostnames": ["worker-0"],
            "parameters": {"global": ["domainNumber=24"]}, "created_at": "2026-12-01T00:00:00+00:00"}
OTHER = {"id": 4, "uuid": "p-4", "name": "alpha", "service": "clock"}
INTERFACE = {"id": 5, "uuid": "i-5", "name": "ptpif1", "ptp_instance_name": "ptp1", "parameters": ["masterOnly=1"],
             "interface_names": ["worker-0/eth5"]}
PARAMETER = {"uuid": "v-1", "section": "global", "name": "domainNumber", "value": "24", "owners": ["p-3"]}
SETTINGS = {"uuid": "s-1", "mode": "hardware", "transport": "l2", "mechanism": "e2e", "isystem_uuid": "y-1"}
INSTANCES, INTERFACES = {"ptp_instances": [INSTANCE, OTHER]}, {"ptp_interfaces": [INTERFACE]}
PARAMETERS = {"ptp_parameters": [PARAMETER]}
TABLE: dict[str, Any] = {
    "/v1/ptp_instances": {"GET": INSTANCES, "POST": INSTANCE},
    "/v1/ptp_instances/ptp1": {"GET": INSTANCE, "PATCH": INSTANCE}, "/v1/ptp_instances/p-3": {"DELETE": None},
    "/v1/ptp_instances/nobody": {"GET": refusal(404, "PTP instance nobody could not be found.")},
    "/v1/ptp_instances/broken": {"GET": refusal(500, "Out of order.")},
    "/v1/ptp_instances/p-3/ptp_parameters": {"GET": PARAMETERS}, "/v1/ptp_instances/apply": {"POST": None},
    "/v1/ptp_interfaces": {"GET": INTERFACES, "POST": INTERFACE},
    "/v1/ptp_interfaces/ptpif1": {"GET": INTERFACE, "PATCH": INTERFACE}, "/v1/ptp_interfaces/i-5": {"DELETE": None},
    "/v1/ptp_interfaces/i-5/ptp_parameters": {"GET": PARAMETERS},
    "/v1/ptp_parameters": {"GET": PARAMETERS}, "/v1/ptp_parameters/v-1": {"GET": PARAMETER, "PATCH": PARAMETER},
    "/v1/ptp_parameters/v-2": {"GET": refusal(404, "PTP parameter v-2 could not be found.")},
    "/v1/ptp": {"GET": {"ptps": [SETTINGS]}}, "/v1/ptp/s-1": {"PATCH": SETTINGS},
    "/v1/ihosts/w": {"GET": {"uuid": "h-1", "hostname": "worker-0"}}, "/v1/ihosts/h-1": {"PATCH": {"uuid": "h-1"}},
    "/v1/ihosts/w/ports": {"GET": {"ports": []}},
    "/v1/ihosts/w/iinterfaces": {"GET": {"iinterfaces": [{"uuid": "e-5", "ifname": "eth5"}]}},
    "/v1/ihosts/w/ptp_instances": {"GET": INSTANCES}, "/v1/ihosts/h-1/ptp_instances": {"GET": INSTANCES},
    "/v1/ihosts/w/ptp_interfaces": {"GET": INTERFACES},
    "/v1/iinterfaces/e-5": {"PATCH": {"uuid": "e-5"}}, "/v1/iinterfaces/e-5/ptp_interfaces": {"GET": INTERFACES}}


def system(argv: str) -> tuple[Ran, list[tuple[str, str, Any]]]:
    api = FakeApi(TABLE)
    ran = run_cli(PROGRAM, argv.split(), api)
    return ran, [tuple(call[:3]) for call in api.calls if call[0] != "GET"]


def member(op: str, name: str, *values: str, **more: str) -> list[dict[str, str]]:
    return [{"op": op, "path": f"/{name}/-", "value": value, **more} for value in values]


@pytest.mark.parametrize(("argv", "titles"), [
    ("ptp-instance-list", "uuid,name,service"), ("host-ptp-instance-list w", "uuid,name,service"),
    ("host-ptp-instance-assign w ptp1", "uuid,name,service"),
    ("ptp-interface-list", "uuid,name,ptp_instance_name,parameters"),
    ("host-if-ptp-list w", "uuid,ptp_instance_name,interface_names"),
    ("host-if-ptp-list w eth5", "uuid,name,ptp_instance_name,parameters"),
    ("host-if-ptp-remove w eth5 ptpif1", "uuid,name,ptp_instance_name,parameters"),
    ("ptp-parameter-list", "uuid,section,name,value"),
    ("ptp-parameter-list --instance ptp1", "uuid,section,name,value"),
    ("ptp-parameter-list --interface ptpif1", "uuid,section,name,value")])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    ran, _ = system(argv)
    assert [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")] == titles.split(",")


@pytest.mark.parametrize(("argv", "properties"), [
    ("ptp-instance-show ptp1", "created_at,hostnames,name,parameters,service,uuid"),
    ("ptp-interface-show ptpif1", "created_at,interface_names,name,parameters,ptp_instance_name,uuid"),
    ("ptp-parameter-show v-1", "created_at,name,owners,section,updated_at,uuid,value"),
    ("ptp-show", "created_at,isystem_uuid,mechanism,mode,transport,updated_at,uuid")])
def test_properties(argv: str, properties: str) -> None:
    found = [line.strip("|").split("|")[0].strip() for line in system(argv)[0].out.splitlines()[3:-1]]
    assert [name for name in found if name] == properties.split(",")


def test_lists_are_sorted_and_cells_hold_what_is_stored() -> None:
    assert system("ptp-instance-list -f value -c name")[0].out == "alpha\nptp1\n"
    assert '{"global": ["domainNumber=24"]}' in system("ptp-instance-show ptp1 --nowrap")[0].out
    assert '["worker-0/eth5"]' in system("host-if-ptp-list w")[0].out


@pytest.mark.parametrize(("argv", "sent"), [
    ("ptp-instance-add ptp1 ptp4l", ("POST", "/v1/ptp_instances", {"name": "ptp1", "service": "ptp4l"})),
    ("ptp-instance-delete ptp1", ("DELETE", "/v1/ptp_instances/p-3", None)),
    ("ptp-instance-apply", ("POST", "/v1/ptp_instances/apply", None)),
    ("ptp-instance-parameter-add ptp1 a=1 b=x=y", ("PATCH", "/v1/ptp_instances/ptp1", member(
        "add", "ptp_parameters", "a=1", "b=x=y", section="global"))),
    ("ptp-instance-parameter-delete ptp1 a=1 --section other", ("PATCH", "/v1/ptp_instances/ptp1", member(
        "remove", "ptp_parameters", "a=1", section="other"))),
    ("host-ptp-instance-assign w ptp1", ("PATCH", "/v1/ihosts/h-1", member("add", "ptp_instances", "ptp1"))),
    ("host-ptp-instance-remove w 3", ("PATCH", "/v1/ihosts/h-1", member("remove", "ptp_instances", "3"))),
    ("ptp-interface-add ptpif1 ptp1", ("POST", "/v1/ptp_interfaces", {"name": "ptpif1", "ptp_instance_uuid": "p-3"})),
    ("ptp-interface-delete ptpif1", ("DELETE", "/v1/ptp_interfaces/i-5", None)),
    ("ptp-interface-parameter-add ptpif1 masterOnly=1", ("PATCH", "/v1/ptp_interfaces/ptpif1", member(
        "add", "ptp_parameters", "masterOnly=1"))),
    ("ptp-interface-parameter-delete ptpif1 masterOnly=1", ("PATCH", "/v1/ptp_interfaces/ptpif1", member(
        "remove", "ptp_parameters", "masterOnly=1"))),
    ("host-if-ptp-assign w eth5 ptpif1", ("PATCH", "/v1/iinterfaces/e-5", member("add", "ptp_interfaces", "ptpif1"))),
    ("host-if-ptp-remove w e-5 ptpif1", ("PATCH", "/v1/iinterfaces/e-5", member("remove", "ptp_interfaces", "ptpif1"))),
    ("ptp-parameter-modify v-1 25", ("PATCH", "/v1/ptp_parameters/v-1", [
        {"op": "replace", "path": "/value", "value": "25"}])),
    ("ptp-modify --mode software --transport udp --mechanism p2p", ("PATCH", "/v1/ptp/s-1", [
        {"op": "replace", "path": "/mode", "value": "software"},
        {"op": "replace", "path": "/transport", "value": "udp"},
        {"op": "replace", "path": "/mechanism", "value": "p2p"}]))])
def test_what_is_sent(argv: str, sent: tuple[str, str, Any]) -> None:
    ran, calls = system(argv)
    assert (ran.code, calls) == (0, [sent]), ran.err


def test_what_is_told() -> None:
    assert system("ptp-instance-delete ptp1")[0].out == "Deleted PTP instance: p-3\n"
    assert system("ptp-interface-delete ptpif1")[0].out == "Deleted PTP interface: i-5\n"
    assert system("ptp-instance-apply")[0].out == "Applying the PTP Instance configuration\n"


@pytest.mark.parametrize(("argv", "code", "text"), [
    ("ptp-instance-show nobody", 1, "PTP instance not found: nobody"),
    ("ptp-interface-add x nobody", 1, "PTP instance not found: nobody"),
    ("ptp-parameter-list --instance nobody", 1, "PTP instance not found: nobody"),
    ("ptp-instance-show broken", 1, "Out of order."), ("ptp-parameter-show v-2", 1, "PTP parameter not found: v-2"),
    ("host-if-ptp-assign w eth9 ptpif1", 1, "interface not found: eth9"),
    ("ptp-modify", 2, "Nothing to change"), ("ptp-modify --mode sundial", 2, "invalid choice"),
    ("ptp-instance-add x ntpd", 2, "invalid choice"), ("ptp-instance-parameter-add ptp1", 2, "required"),
    ("ptp-parameter-list --instance ptp1 --interface ptpif1", 2, "not allowed with")])
def test_what_is_refused(argv: str, code: int, text: str) -> None:
    ran, calls = system(argv)
    assert (ran.code, calls) == (code, []) and text in ran.err
