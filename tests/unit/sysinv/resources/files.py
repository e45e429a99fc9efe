# SPDX-License-Identifier: Apache-2.0
"""Files of hosts for tests, and the request that sends one."""
from __future__ import annotations

from typing import Any

from sysinv.client.hosts import Hosts

BOARD = ("<bm_type>redfish</bm_type><bm_ip>10.10.20.101</bm_ip><bm_username>root</bm_username>"
         "<bm_password>s3cret-word</bm_password>")


class _Sent:
    """What the client sends, in place of a connection."""

    def answer(self, method: str, path: str, body: Any = None, *, data: Any = None, headers: Any = None) -> Any:
        self.path, self.data, self.content_type = path, data, headers["Content-Type"]
        return 200, {}


def host(number: int, more: str = "", mac: str = "") -> str:
    """One worker in XML."""
    return (f"<host><hostname>worker-{number}</hostname><personality>worker</personality>"
            f"<mgmt_mac>{mac or mac_of(number)}</mgmt_mac>{more}</host>")


def mac_of(number: int) -> str:
    return f"08:00:27:10:{number // 256:02x}:{number % 256:02x}"


def controller(mac: str, more: str = "") -> str:
    return f"<host><personality>controller</personality><mgmt_mac>{mac}</mgmt_mac>{more}</host>"


def document(*hosts: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<hosts version="1.0">{"".join(hosts)}</hosts>'.encode()


def bulk_add(cloud: Any, data: bytes, name: str = "hosts.xml", *, dry_run: bool = False, status: int = 200) -> Any:
    """Send a file as the client does; returns the body of the reply."""
    sent = _Sent()
    Hosts(sent).bulk_add(name, data, dry_run=dry_run)  # type: ignore[arg-type]
    reply = cloud.call("POST", sent.path, raw=sent.data, content_type=sent.content_type)
    assert reply.status == status, reply.body
    return reply.body


def names(cloud: Any) -> list[str]:
    return sorted(one["hostname"] for one in cloud.get("/v1/ihosts").body["ihosts"] if one["hostname"])
