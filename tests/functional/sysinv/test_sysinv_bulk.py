# SPDX-License-Identifier: Apache-2.0
"""A file of fifty hosts against the real API and conductor: none with one bad host, all, and none twice."""
from __future__ import annotations

from typing import Any

import requests

NAMES = [f"bulk-{number}" for number in range(50)]
BOARD = ("<bm_type>redfish</bm_type><bm_ip>10.10.77.7</bm_ip><bm_username>root</bm_username>"
         "<bm_password>s3cret-word</bm_password><power_on/>")


def mac(number: int) -> str:
    return f"08:00:27:50:00:{number:02x}"


def file_of(bad: int | None = None) -> bytes:
    hosts = "".join(
        f"<host><hostname>{name}</hostname><personality>worker</personality>"
        f"<mgmt_mac>{'08:00:27' if number == bad else mac(number)}</mgmt_mac>{BOARD if number == 7 else ''}</host>"
        for number, name in enumerate(NAMES))
    return f'<?xml version="1.0" encoding="UTF-8"?><hosts version="1.0">{hosts}</hosts>'.encode()


def bulk_add(sysinv: Any, data: bytes) -> dict[str, Any]:
    """Send a file as StarlingX's client does."""
    answer = requests.post(f"{sysinv.base}/v1/ihosts/bulk_add", files={"file": ("hosts.xml", data)}, timeout=60,
                           headers={"X-Auth-Token": sysinv.keystone.token("configurator", "admin")})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def present(sysinv: Any) -> set[str]:
    return {host["hostname"] for host in sysinv.get("/v1/ihosts").body["ihosts"]} & set(NAMES)


def test_scenario_25_fifty_hosts_of_one_file(sysinv: Any) -> None:
    reply = bulk_add(sysinv, file_of(bad=31))
    assert reply["success"] == ""
    assert reply["error"] == (" No hosts have been added, error parsing host bulk-31: Host-add Rejected: Must provide "
                              "a valid format of a MAC Address")
    assert present(sysinv) == set()

    reply = bulk_add(sysinv, file_of())
    assert reply["error"] == "" and reply["success"].split() == NAMES
    assert [host["status"] for host in reply["hosts"]] == ["added"] * 50
    assert present(sysinv) == set(NAMES)
    uuids = {host["uuid"] for host in reply["hosts"]}
    try:
        # The conductor does the rest by itself.
        sysinv.wait(lambda: uuids <= set(sysinv.mtce.hosts), "mtce to have all hosts", 60)
        sysinv.wait(lambda: all(sysinv.boot_file(mac(number)).is_file() for number in range(50)), "boot files", 60)
        sysinv.wait(lambda: "power-on" in {action for action, _ in sysinv.mtce.actions}, "the host to be powered on")
        assert "bulk-7" in {host.hostname for host in sysinv.mtce.hosts.values() if host.bm_type == "redfish"}

        reply = bulk_add(sysinv, file_of())
        assert reply["success"] == "" and reply["error"].count("already exists\n") == 50
        assert {host["uuid"] for host in reply["hosts"]} == uuids
        assert present(sysinv) == set(NAMES)
    finally:
        for name in NAMES:
            sysinv.call("DELETE", f"/v1/ihosts/{name}")
    sysinv.wait(lambda: not present(sysinv), "the hosts to be gone", 60)
