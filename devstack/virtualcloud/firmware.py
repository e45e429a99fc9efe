# SPDX-License-Identifier: Apache-2.0
"""A host's firmware on the pxeboot network: DHCP as a PXE client, the boot file by TFTP, the resulting decision."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import boot, pxelinux
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.process import Completed, run
from devstack.virtualcloud.site import Site

INTERFACE = "pxeboot0"
VENDOR_CLASS = "PXEClient:Arch:00007:UNDI:003016"
LEASE_HOOK = Path(__file__).with_name("leasehook.sh")
MISSES_MAX = 5  # boot files missed in a row before the firmware starts over with DHCP
CURL_NOT_FOUND = frozenset({68, 69, 78})

Say = Callable[[boot.Stage, str], None]


@dataclass(frozen=True, slots=True)
class Lease:
    """A DHCP lease: the address with its prefix length, and the server with the boot file."""

    address: str
    server: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Result of a network boot: install with that command line from that server, or boot the disk."""

    action: pxelinux.Action
    append: str = ""
    server: str = ""


def parse_lease(text: str) -> Lease:
    """Return the lease in the environment of udhcpc's hook; LabError without address or boot server."""
    values = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    server = values.get("siaddr") or values.get("tftp") or values.get("serverid") or ""
    try:
        address = ipaddress.ip_interface(f"{values['ip']}/{values.get('mask') or values.get('subnet') or '24'}")
        ipaddress.ip_address(server)
    except (KeyError, ValueError) as exc:
        raise LabError(f"the DHCP answer cannot be used: {exc}") from exc
    return Lease(str(address), server)


class Firmware:
    """The network boot of one host, in its network namespace."""

    def __init__(self, site: Site, name: str, mac: str, host_dir: Path, say: Say) -> None:
        self._site = site
        self._name = name
        self._mac = mac
        self._lease_file = host_dir / "lease"
        self._say = say

    async def decide(self, bootable: bool) -> Decision:
        """Repeat DHCP and TFTP until the boot file contains a decision; waits for ever on `wait` or without a reply."""
        failures = 0
        await self._in_namespace(["ip", "link", "set", INTERFACE, "up"])
        while True:
            lease = await self._dhcp()
            if lease is None:
                failures += 1
                self._say(boot.Stage.FIRMWARE, "no DHCP answer on pxeboot0")
                if bootable and failures >= 3:
                    return Decision(pxelinux.Action.LOCAL)
            else:
                failures = 0
                await self._in_namespace(["ip", "addr", "flush", "dev", INTERFACE])
                await self._in_namespace(["ip", "addr", "add", lease.address, "dev", INTERFACE])
                decision = await self._poll(lease, bootable)
                if decision is not None:
                    return decision
            await asyncio.sleep(boot.retry_interval_ms(max(1, failures)) / 1000)

    async def _poll(self, lease: Lease, bootable: bool) -> Decision | None:
        """Poll the boot file until it contains a decision; None when it is unavailable and DHCP must start again."""
        polls = misses = 0
        while misses < MISSES_MAX:
            try:
                label = (await self._boot_file(lease.server)).chosen()
                action = pxelinux.action(label)
            except (LabError, pxelinux.BootFileError) as exc:
                misses += 1
                self._say(boot.Stage.FIRMWARE, str(exc))
            else:
                misses = 0
                if action is pxelinux.Action.INSTALL:
                    return Decision(action, label.append, lease.server)
                if action is pxelinux.Action.LOCAL and bootable:
                    return Decision(action)
                self._say(
                    boot.Stage.WAITING, f"{lease.address.partition('/')[0]} has been told to wait by {lease.server}"
                )
            await asyncio.sleep(boot.poll_interval_ms(polls) / 1000)
            polls += 1
        return None

    async def _dhcp(self) -> Lease | None:
        self._say(boot.Stage.FIRMWARE, "asking for an address on pxeboot0")
        self._lease_file.unlink(missing_ok=True)
        argv = [
            "udhcpc", "-f", "-n", "-q", "-C", "-i", INTERFACE, "-t", "4", "-T", "1", "-V", VENDOR_CLASS,
            "-O", "bootfile", "-O", "tftp", "-s", str(LEASE_HOOK),
        ]  # fmt: skip
        environment = {"FLOCK_LEASE_FILE": str(self._lease_file)}
        done = await self._in_namespace(argv, timeout_s=30, check=False, environment=environment)
        if done.status != 0 or not self._lease_file.exists():
            return None
        try:
            return parse_lease(self._lease_file.read_text(encoding="utf-8", errors="replace"))
        except LabError as exc:
            self._say(boot.Stage.FIRMWARE, exc.text)
            return None

    async def _boot_file(self, server: str) -> pxelinux.BootFile:
        for name in pxelinux.boot_file_names(self._mac):
            argv = [
                "curl", "--silent", "--show-error", "--max-time", "5", "--max-filesize", str(pxelinux.TEXT_BYTES_MAX),
                f"tftp://{server}/{name}",
            ]  # fmt: skip
            done = await self._in_namespace(argv, timeout_s=10, check=False)
            if done.status == 0:
                return pxelinux.parse(done.out)
            if done.status not in CURL_NOT_FOUND:
                raise LabError(f"TFTP from {server}: {done.err.strip() or 'no answer'}")
        raise LabError(f"TFTP server {server} has no boot file for {self._mac}")

    async def _in_namespace(
        self, argv: list[str], timeout_s: float = 10, check: bool = True, environment: dict[str, str] | None = None
    ) -> Completed:
        enter = ["nsenter", f"--net={self._site.namespace_path(self._name)}"]
        return await run([*enter, *argv], timeout_s=timeout_s, check=check, environment=environment)
