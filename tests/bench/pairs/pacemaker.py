# SPDX-License-Identifier: Apache-2.0
"""Two machines with Corosync on two links and Pacemaker, which moves the address after a confirmed fence."""
from __future__ import annotations

from pathlib import Path

from tests.bench.pairs.enclosed import Enclosed
from tests.bench.pairs.pair import FLOATING, LINKS, NODES
from tests.functional.sm.transport.conftest import NUMBER, PREFIX

# Empty values and all that is left out: the default.
COROSYNC = """totem {{
    version: 2
    cluster_name: pair
    transport: knet
    crypto_cipher: none
    crypto_hash: none
{token}}}
nodelist {{
{nodes}}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
    wait_for_all: 0
}}
logging {{
    to_logfile: yes
    logfile: /var/log/corosync.log
}}
"""
NODE = """    node {{
        name: {name}
        nodeid: {number}
{links}    }}
"""
SCRIPT = """cp {folder}/corosync.conf /etc/corosync/corosync.conf
for part in cib pengine cores blackbox; do mkdir -p /var/lib/pacemaker/$part; done
mkdir -p /run/crm /var/log/pacemaker
chown -R hacluster:haclient /var/lib/pacemaker /run/crm /var/log/pacemaker
corosync -f &
until corosync-cmapctl -g runtime.votequorum.this_node_id > /dev/null 2>&1; do sleep 0.1; done
pacemakerd -f &
wait
"""
ADDRESS = ('<primitive id="address" class="ocf" provider="heartbeat" type="IPaddr2">'
           '<instance_attributes id="address-a">'
           f'<nvpair id="address-ip" name="ip" value="{FLOATING}"/>'
           '<nvpair id="address-mask" name="cidr_netmask" value="24"/>'
           '<nvpair id="address-nic" name="nic" value="oam"/></instance_attributes><operations>'
           '<op id="address-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive>')
FENCE = ('<primitive id="fence-{node}" class="stonith" type="fence_switch"><instance_attributes id="fence-{node}-a">'
         '<nvpair id="fence-{node}-m" name="machine" value="{node}"/>'
         '<nvpair id="fence-{node}-s" name="switch" value="{switch}"/>'
         '<nvpair id="fence-{node}-h" name="pcmk_host_list" value="{node}"/>'
         '</instance_attributes></primitive>')


class Pacemaker(Enclosed):
    """``token_ms``: Corosync's token timeout, None for its default of 3 s."""

    needs = ("corosync", "pacemakerd", "crm_mon", "cibadmin")
    places = (*Enclosed.places, "/etc/corosync", "/var/lib/corosync", "/var/lib/pacemaker")

    def __init__(self, folder: Path, token_ms: int | None = None) -> None:
        super().__init__(folder)
        self.title = "Pacemaker + Corosync" + (", tuned" if token_ms else ", defaults")
        self.timers = f"token {token_ms or 3_000} ms, fence agent answers at once"
        nodes = "".join(NODE.format(name=node, number=number, links="".join(
            f"        ring{ring}_addr: {PREFIX[link]}{NUMBER[node]}\n" for ring, link in enumerate(LINKS)))
            for number, node in enumerate(NODES, 1))
        (folder / "corosync.conf").write_text(COROSYNC.format(
            token=f"    token: {token_ms}\n" if token_ms else "", nodes=nodes))

    def script(self, node: str) -> str:
        return SCRIPT.format(folder=self.folder)

    def configure(self) -> None:
        first = NODES[0]
        self.tell(first, "crm_attribute", "--type", "crm_config", "--name", "stonith-action", "--update", "off")
        self.tell(first, "crm_attribute", "--type", "rsc_defaults", "--name", "resource-stickiness", "--update", "100")
        for resource in (*(FENCE.format(node=node, switch=self.switch.socket) for node in NODES), ADDRESS):
            self.tell(first, "cibadmin", "--create", "--scope", "resources", "--xml-text", resource)

    def ready(self, node: str) -> bool:
        said = self.told(node, "crm_mon", "-1")
        online = f"Online: [ {' '.join(NODES)} ]" in said
        return online and all(f"fence-{name}\t(stonith:fence_switch):\t Started" in said for name in NODES)
