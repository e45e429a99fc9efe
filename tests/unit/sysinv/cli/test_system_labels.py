# SPDX-License-Identifier: Apache-2.0
"""``system host-label-*``, ``host-kernel-*``, ``host-lldp-*-list`` and ``lldp-*-show``: tables and requests."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import Answer, FakeApi, Ran, refusal, run_cli
from sysinv.cmd.shell import PROGRAM

HOST = {"uuid": "h-1", "hostname": "worker-0"}
LABELS = {"labels": [{"uuid": "l2", "label_key": "sriovdp", "label_value": "enabled"},
                     {"uuid": "l1", "label_key": "rack", "label_value": "7"}]}
AGENT = {"uuid": "a1", "port_name": "eth0", "status": "rx=enabled,tx=enabled", "chassis_id": "c",
         "port_identifier": "p"}
NEIGHBOUR = {"uuid": "n1", "msap": "c,Ethernet1/7", "port_name": "eth0", "port_identifier": "Ethernet1/7",
             "system_name": "leaf-7"}
KERNEL = {"ihost_uuid": "h-1", "hostname": "worker-0", "kernel_provisioned": "lowlatency", "kernel_running": "standard",
          "links": [{"href": "x", "rel": "self"}]}
TABLE: dict[str, Any] = {
    "/v1/ihosts": {"GET": {"ihosts": [HOST, {"uuid": "h-2", "hostname": None}, {"uuid": "h-3", "hostname": "gone"}]}},
    "/v1/ihosts/w": {"GET": HOST}, "/v1/ihosts/w/labels": {"GET": LABELS},
    "/v1/labels/h-1": {"POST": LABELS}, "/v1/labels/l1": {"DELETE": Answer(None, 204)},
    "/v1/labels/l2": {"DELETE": refusal(409, "Host worker-0 must be locked before label sriovdp is changed.")},
    "/v1/ihosts/w/lldp_agents": {"GET": {"lldp_agents": [AGENT]}},
    "/v1/ihosts/w/lldp_neighbours": {"GET": {"lldp_neighbours": [NEIGHBOUR]}},
    "/v1/lldp_agents/a1": {"GET": AGENT}, "/v1/lldp_neighbours/n1": {"GET": NEIGHBOUR},
    "/v1/lldp_agents/broken": {"GET": refusal(500, "Out of order.")},
    "/v1/ihosts/w/kernel": {"GET": KERNEL, "PATCH": KERNEL}, "/v1/ihosts/h-1/kernel": {"GET": KERNEL},
}


def system(argv: str, api: FakeApi | None = None) -> Ran:
    return run_cli(PROGRAM, argv, api or FakeApi(TABLE))


@pytest.mark.parametrize(("argv", "titles"), [
    ("host-label-list w", "hostname,label key,label value"),
    ("host-label-assign w a=b", "hostname,label key,label value"),
    ("host-lldp-agent-list w", "uuid,local_port,status,chassis_id,port_id,system_name,system_description"),
    ("host-lldp-neighbor-list w",
     "uuid,local_port,remote_port,chassis_id,system_name,system_description,management_address"),
    ("host-kernel-list", "hostname,kernel_provisioned,kernel_running"),
])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    assert [cell.strip() for cell in system(argv).out.splitlines()[1].strip("|").split("|")] == titles.split(",")


def test_labels_are_listed_by_key_with_the_name_of_the_host() -> None:
    assert system("host-label-list w -f value").out == "worker-0 rack 7\nworker-0 sriovdp enabled\n"


@pytest.mark.parametrize(("option", "overwrite"), [("", False), (" --overwrite", True)])
def test_labels_are_assigned_in_one_request(option: str, overwrite: bool) -> None:
    api = FakeApi(TABLE)
    assert system(f"host-label-assign w example.com/rack=7 empty= sum=a=b{option}", api).code == 0
    assert api.calls[-1] == ("POST", "/v1/labels/h-1", {"example.com/rack": "7", "empty": "", "sum": "a=b"},
                             {"overwrite": overwrite})


@pytest.mark.parametrize(("pairs", "said"), [
    ("rack", "'rack' is not of the form key=value\n"), ("=7", "'=7' is not of the form key=value\n"),
    ("rack=7 rack=8", "label rack is given twice\n")])
def test_what_is_no_label_is_not_sent(pairs: str, said: str) -> None:
    api = FakeApi(TABLE)
    ran = system(f"host-label-assign w {pairs}", api)
    assert (ran.code, ran.err, api.calls) == (2, said, [])


def test_labels_are_removed_one_by_one_and_failures_are_told() -> None:
    api = FakeApi(TABLE)
    ran = system("host-label-remove w sriovdp unknown rack rack", api)
    assert ran.code == 1
    assert ran.out == "Deleted host label rack for host w\n"
    assert "must be locked before label sriovdp is changed" in ran.err and "label not found: unknown" in ran.err
    assert [call[:2] for call in api.calls[1:]] == [("DELETE", "/v1/labels/l2"), ("DELETE", "/v1/labels/l1")]


def test_one_agent_and_one_neighbour_by_uuid() -> None:
    assert system("lldp-agent-show a1 -f value -c port_name -c status").out.split() == ["eth0", "rx=enabled,tx=enabled"]
    assert system("lldp-neighbor-show n1 -f json").json()["system_name"] == "leaf-7"
    missing = system("lldp-neighbor-show n9")
    assert (missing.code, missing.err) == (1, "neighbor not found: n9\n")
    assert "Out of order." in system("lldp-agent-show broken").err


def test_kernels() -> None:
    api = FakeApi(TABLE)
    assert system("host-kernel-list -f value", api).out == "worker-0 lowlatency standard\n"
    assert system("host-kernel-show w -f json").json()["kernel_running"] == "standard"
    assert "kernel_provisioned" in system("host-kernel-show w").out
    assert system("host-kernel-modify w lowlatency", api).code == 0
    assert api.calls[-1] == ("PATCH", "/v1/ihosts/w/kernel", [
        {"op": "replace", "path": "/kernel_provisioned", "value": "lowlatency"}], None)
    assert system("host-kernel-modify w fast").code == 2
    assert system("host-kernel-show nobody").err == system("host-kernel-modify nobody standard").err == (
        "host not found: nobody\n")
