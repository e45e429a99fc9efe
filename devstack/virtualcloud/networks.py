# SPDX-License-Identifier: Apache-2.0
"""The lab's switches and cables: one bridge per network in a separate namespace, a namespace per host, faults.

Nothing here changes an interface of the machine itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from devstack.virtualcloud import plan
from devstack.virtualcloud.boot import Stage
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.process import run
from devstack.virtualcloud.record import HostRecord
from devstack.virtualcloud.site import Site

_SERVICE_PORTS = ((plan.OUTSIDE, "oam", "oam0"), ("bmc", "bmc", "bmc0"))


class Networks:
    """Namespaces, bridges and veth pairs of one lab."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._switch = site.namespace("switch")

    async def create(self) -> None:
        """Create the switch, the outside world on the OAM network and the BMC namespace, unless they exist."""
        existing = await self.namespaces()
        if self._switch not in existing:
            await run(["ip", "netns", "add", self._switch])
            lines = ["link set lo up"]
            for network in plan.NETWORKS:
                # no spanning tree, no snooping: heartbeat multicast must pass from the first packet on
                lines.append(f"link add {network.name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
                lines.append(f"link set {network.name} up")
            await self._batch(self._switch, lines)
            for network in plan.NETWORKS:
                await self._let_lldp_pass(network.name)
        for owner, network_name, interface in _SERVICE_PORTS:
            if self._site.namespace(owner) not in existing:
                await self._service_namespace(owner, network_name, interface)

    async def _let_lldp_pass(self, bridge: str) -> None:
        # link layer discovery frames are for the next bridge only; these bridges stand for plain cables
        path = f"/sys/class/net/{bridge}/bridge/group_fwd_mask"
        argv = ["ip", "netns", "exec", self._switch, "sh", "-c", 'echo 0x4000 > "$1"', "sh", path]
        await run(argv, check=False)

    async def _service_namespace(self, owner: str, network_name: str, interface: str) -> None:
        namespace = self._site.namespace(owner)
        await run(["ip", "netns", "add", namespace])
        port = f"{owner}.port"
        await self._batch(
            self._switch,
            [
                f"link add {port} type veth peer name {interface} netns {namespace}",
                f"link set {port} master {network_name}",
                f"link set {port} up",
            ],
        )
        lines = ["link set lo up", f"link set {interface} up"]
        if owner == plan.OUTSIDE:
            lines.append(f"addr add {plan.with_prefix_length(network_name, plan.OUTSIDE_ADDRESS)} dev {interface}")
        await self._batch(namespace, lines)

    async def add_bmc_address(self, index: int) -> None:
        """Add the address of the management controller of host `index`."""
        address = plan.with_prefix_length("bmc", plan.bmc_address(index))
        await run(["ip", "-n", self._site.namespace("bmc"), "addr", "replace", address, "dev", "bmc0"])

    async def remove_bmc_address(self, index: int) -> None:
        """Remove the address of the management controller of host `index`."""
        address = plan.with_prefix_length("bmc", plan.bmc_address(index))
        await run(["ip", "-n", self._site.namespace("bmc"), "addr", "del", address, "dev", "bmc0"], check=False)

    async def plug(self, record: HostRecord) -> None:
        """Create a fresh namespace with all legs for a starting host, without the addresses and routes of past runs."""
        await self.remove(record)
        namespace = self._site.namespace(record.name)
        await run(["ip", "netns", "add", namespace])
        switch_lines = []
        for leg in plan.legs(record.index, record.role, record.all_in_one):
            switch_lines.append(
                f"link add {leg.port} type veth peer name {leg.interface} address {leg.mac} netns {namespace}"
            )
            switch_lines.append(f"link set {leg.port} master {leg.network}")
            if leg.network not in record.cut:
                switch_lines.append(f"link set {leg.port} up")
        await self._batch(self._switch, switch_lines)
        await self._batch(namespace, ["link set lo up"])

    async def unplug(self, record: HostRecord) -> None:
        """Remove the carrier of all legs at once, so that no packet of a stopping host gets out."""
        lines = [f"link set {leg.port} down" for leg in plan.legs(record.index, record.role, record.all_in_one)]
        await self._batch(self._switch, lines, check=False)

    async def remove(self, record: HostRecord) -> None:
        """Remove a host's legs and namespace, if they exist."""
        lines = [f"link del {leg.port}" for leg in plan.legs(record.index, record.role, record.all_in_one)]
        await self._batch(self._switch, lines, check=False)
        if self._site.namespace_path(record.name).exists():
            await run(["ip", "netns", "del", self._site.namespace(record.name)], check=False)

    async def set_cut(self, record: HostRecord, network_name: str, cut: bool) -> None:
        """Remove or restore the carrier of one leg; it stays down while the host has no power or a dead system."""
        for leg in plan.legs(record.index, record.role, record.all_in_one):
            if leg.network == network_name:
                silent = record.stage in (Stage.OFF, Stage.CRASHED, Stage.FAULT)
                state = "down" if cut or silent else "up"
                await self._batch(self._switch, [f"link set {leg.port} {state}"], check=False)

    async def apply_faults(self, records: Iterable[HostRecord]) -> None:
        """Make the switch drop packets as recorded, and no others."""
        ports: dict[str, int] = {}
        bmcs: dict[str, int] = {}
        for record in records:
            if plan.BMC_NETWORK in record.cut:
                bmcs[plan.bmc_address(record.index)] = 100
            elif plan.BMC_NETWORK in record.loss:
                bmcs[plan.bmc_address(record.index)] = record.loss[plan.BMC_NETWORK]
            for leg in plan.legs(record.index, record.role, record.all_in_one):
                if leg.network in record.loss:
                    ports[leg.port] = record.loss[leg.network]
        wanted = bool(ports or bmcs)
        argv = ["ip", "netns", "exec", self._switch, "nft", "-f", "-"]
        done = await run(argv, text=plan.faults_text(ports, bmcs), check=False)
        if done.status != 0 and wanted:  # without faults nftables for bridges is not needed
            raise LabError(f"this kernel cannot lose packets on a bridge (nftables): {done.err.strip()[:200]}")

    async def addresses(self, name: str) -> dict[str, list[str]]:
        """Return the present IPv4 addresses of the host by interface; empty without a namespace."""
        if not self._site.namespace_path(name).exists():
            return {}
        done = await run(["ip", "-j", "-4", "-n", self._site.namespace(name), "addr", "show"], check=False)
        if done.status != 0 or not done.out.strip():
            return {}
        found: dict[str, list[str]] = {}
        for link in json.loads(done.out):
            if link.get("ifname") != "lo":
                found[link["ifname"]] = [item["local"] for item in link.get("addr_info", [])]
        return {name: values for name, values in found.items() if values}

    async def namespaces(self) -> set[str]:
        """Return the names of all namespaces of this lab."""
        base = Path("/run/netns")
        if not base.is_dir():
            return set()
        return {path.name for path in base.iterdir() if path.name.startswith(f"{self._site.prefix}-")}

    async def _batch(self, namespace: str, lines: list[str], check: bool = True) -> None:
        argv = ["ip", "-n", namespace, *([] if check else ["-force"]), "-batch", "-"]
        await run(argv, text="\n".join(lines) + "\n", check=check)
