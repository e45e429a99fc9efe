# SPDX-License-Identifier: Apache-2.0
"""Two machines with keepalived: VRRP on the address's network, without fencing."""
from __future__ import annotations

from pathlib import Path

from tests.bench.pairs.enclosed import Enclosed
from tests.bench.pairs.pair import FLOATING, NODES

CONF = """global_defs {{
    router_id {node}
    vrrp_version 3
}}
vrrp_instance pair {{
    state BACKUP
    interface oam
    virtual_router_id 51
    priority {priority}
    advert_int {advert_s:g}
    nopreempt
    virtual_ipaddress {{
        {address}/24 dev oam
    }}
}}
"""


class Keepalived(Enclosed):
    """``advert_s``: time between advertisements; the other machine takes over when three have not come."""

    needs = ("keepalived",)

    def __init__(self, folder: Path, advert_s: float = 1) -> None:
        super().__init__(folder)
        self.title = f"keepalived, advertisements every {advert_s:g} s"
        self.timers = "VRRP, no fencing"
        for priority, node in zip((150, 100), NODES, strict=True):
            (folder / f"{node}.conf").write_text(
                CONF.format(node=node, priority=priority, advert_s=advert_s, address=FLOATING))

    def script(self, node: str) -> str:
        return f"keepalived --dont-fork --log-console --log-detail --vrrp --use-file {self.folder}/{node}.conf\n"

    def configure(self) -> None:
        """Nothing is told."""

    def ready(self, node: str) -> bool:
        log = (self.folder / f"{node}.log").read_text().rpartition("Starting Keepalived")[2]
        return "Entering BACKUP STATE" in log
