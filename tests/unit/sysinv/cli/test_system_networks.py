# SPDX-License-Identifier: Apache-2.0
"""``system network-*`` and ``addrpool-*``: columns, requests, what cannot be meant."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

NETWORK = {"id": 7, "uuid": "n-7", "name": "mc", "type": "multicast", "dynamic": False, "pool_uuid": "p-1",
           "primary_pool_family": "IPv4"}
POOL = {"uuid": "p-1", "name": "lab", "network": "192.168.50.0", "prefix": 24, "order": "random",
        "ranges": [["192.168.50.2", "192.168.50.254"]], "gateway_address": None}
TABLE: dict[str, Any] = {
    "/v1/networks": {"GET": {"networks": [NETWORK]}, "POST": NETWORK}, "/v1/networks/n-7": {"DELETE": None},
    "/v1/addrpools": {"GET": {"addrpools": [POOL]}, "POST": POOL},
    "/v1/addrpools/p-1": {"PATCH": POOL, "DELETE": None}}


def system(argv: str) -> tuple[Ran, list[tuple[str, str, Any]]]:
    api = FakeApi(TABLE)
    ran = run_cli(PROGRAM, argv.split(), api)
    return ran, [tuple(call[:3]) for call in api.calls if call[0] != "GET"]


def header(argv: str) -> str:
    return ",".join(cell.strip() for cell in system(argv)[0].out.splitlines()[1].strip("|").split("|"))


def test_titles_are_starlingxs() -> None:
    assert header("network-list") == "id,uuid,name,type,dynamic,pool_uuid,primary_pool_family"
    assert header("addrpool-list") == ("uuid,name,network,prefix,order,ranges,floating_address,controller0_address,"
                                       "controller1_address,gateway_address")


def test_ranges_are_shown_as_they_are_written() -> None:
    assert "192.168.50.2-192.168.50.254" in system("addrpool-show lab")[0].out
    assert system("network-show mc -f value -c id")[0].out == "7\n"
    assert system("network-show 8")[0].err == "network not found: 8\n"


@pytest.mark.parametrize(("argv", "sent"), [
    ("network-add mc multicast FALSE p-1", ("POST", "/v1/networks", {
        "name": "mc", "type": "multicast", "dynamic": "false", "pool_uuid": "p-1"})),
    ("network-delete mc --yes", ("DELETE", "/v1/networks/n-7", None)),
    ("addrpool-add lab 192.168.50.0 24 --ranges 192.168.50.2-192.168.50.9,192.168.50.20-192.168.50.29 --order random "
     "--gateway-address 192.168.50.1", ("POST", "/v1/addrpools", {
         "name": "lab", "network": "192.168.50.0", "prefix": 24, "order": "random", "gateway_address": "192.168.50.1",
         "ranges": [["192.168.50.2", "192.168.50.9"], ["192.168.50.20", "192.168.50.29"]]})),
    ("addrpool-modify lab --name rack --floating-address 192.168.50.3", ("PATCH", "/v1/addrpools/p-1", [
        {"op": "replace", "path": "/name", "value": "rack"},
        {"op": "replace", "path": "/floating_address", "value": "192.168.50.3"}])),
    ("addrpool-delete p-1 --yes", ("DELETE", "/v1/addrpools/p-1", None))])
def test_what_is_sent(argv: str, sent: tuple[str, str, Any]) -> None:
    ran, calls = system(argv)
    assert (ran.code, calls) == (0, [sent]), ran.err


@pytest.mark.parametrize("argv", [
    "addrpool-modify lab", "addrpool-add lab 10.0.0.0 x", "addrpool-add lab 10.0.0.0 8 --ranges 10.0.0.1",
    "addrpool-add lab 10.0.0.0 8 --ranges ,", "network-add mc multicast perhaps p-1"])
def test_what_cannot_be_meant(argv: str) -> None:
    ran, calls = system(argv)
    assert ran.code == 2 and calls == [] and ran.err
