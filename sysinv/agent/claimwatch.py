# SPDX-License-Identifier: Apache-2.0
"""Listens for wrong machines that claim addresses of this host or of its neighbours.

Raises alarms, defends the own addresses, and reports to mtce-conductor, which then resets no host for its silence.
"""
from __future__ import annotations

import ctypes
import ipaddress
import json
import logging
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flock.core.errors import FlockError
from flock.exec.process import run
from flock.jobs.worker import Worker
from fm.contract.rpc import FmManager
from mtce.contract.records import CLAIMS_MAX, AddressClaim
from sysinv.agent import claims
from sysinv.agent.claims import Action, Own, View
from sysinv.agent.neighbours import Known

LOG = logging.getLogger(__name__)
ALARM = "400.005"
REMEDY = ("Find the machine with this MAC address in the switch's address table, and disconnect it or give it "
          "another address.")
MACHINE_REMEDY = "Switch that machine off, disconnect it, or install it anew as a host."
# Networks on which only hosts have a business; on pxeboot a deleted host may boot to become one again.
INTERNAL = ("mgmt", "cluster-host")
# mtce-conductor forgets a claim that was not reported again for three times as long.
REPORT_S = 10.0
# A neighbour that believed a claim asks anew after about a minute (gc_stale_time of arp(7)). The alarm stands longer,
# but a host that dies then must be reset.
RECENT_S = 60.0
FRAME_MAX = 2048
# At most so many frames of each protocol in a round, and a pause after it: a flood of claims takes little of the
# processor, and one of ARP hides no claim of an IPv6 address.
FRAMES_PER_ROUND, PAUSE_S = 256, 0.1
WAIT_S = 1.0
ADDRESSES_EVERY_S = 10.0
IP_TIMEOUT_S = 10.0
SO_ATTACH_FILTER = 26
_ETHERNET_TYPE = 1
# Only neighbour advertisements: IPv6's next header, then the type of the ICMPv6 message.
_ADVERTISEMENTS = ((0x30, 0, 0, 20), (0x15, 0, 3, claims.ICMPV6), (0x30, 0, 0, 54),
                   (0x15, 0, 1, claims.ADVERTISEMENT), (0x06, 0, 0, FRAME_MAX), (0x06, 0, 0, 0))


class Alarms(Protocol):
    """The part of ``fm.raiser.Raiser`` that the watch uses."""

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, severity: str, reason_text: str,
                    proposed_repair_action: str) -> str:
        """Store a request to raise an alarm."""

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> str:
        """Store a request to clear an alarm."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``networks`` maps interfaces to the names of their networks; ``known`` are the neighbours; ``report`` sends the
    claims that stand to mtce-conductor, and may wait or fail (FlockError)."""

    networks: Callable[[], Mapping[str, str]]
    known: Callable[[], Known] = Known
    report: Callable[[list[AddressClaim]], object] | None = None


class ClaimWatch:
    """One thread with packet sockets, and one that reports."""

    def __init__(self, hostname: str, alarms: Alarms, faults: FmManager, around: Surroundings,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._hostname = hostname
        self._alarms = alarms
        self._faults = faults
        self._around = around
        self._networks: Mapping[str, str] = {}
        self._known = Known()
        self._clock = clock
        self._view = View()
        self._own: Mapping[str, Own] = {}
        self._read_at = float("-inf")
        self._reconciled = False
        self._sockets: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._worker = Worker("address-claims", self.step)
        # A report waits for the bus, and must not keep the other thread from the frames.
        self._reports = Worker("claim-reports", self.report)

    def start(self) -> None:
        """Begin to listen."""
        self._worker.start()
        if self._around.report is not None:
            self._reports.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the thread and close the sockets."""
        self._reports.leave()
        self._worker.stop(timeout_s)
        self._reports.stop(timeout_s)
        for each in self._sockets:
            each.close()

    def trouble(self) -> str | None:
        """Why address conflicts are not seen now; None otherwise."""
        return self._worker.trouble()

    def step(self) -> float:
        """One round: read frames, act, and from time to time look at the own addresses."""
        if not self._sockets:
            self._open()
        if self._clock() - self._read_at >= ADDRESSES_EVERY_S:
            self._read_at = self._clock()
            self._known, self._networks = self._around.known(), self._around.networks()
            self._own = claims.neighbours_on(own_addresses(), self._known.neighbours)
            self._reconcile()
        seen = self._frames()
        view, actions = claims.looked(self._view, {*self._own, *self._known.departed}, self._clock())
        self._act(actions)
        self._view = view
        return PAUSE_S if seen else 0.0

    def report(self) -> float:
        """Report the claims of the last RECENT_S, if any; returns the seconds until the next report."""
        since = self._clock() - RECENT_S
        standing = [AddressClaim(key, each.mac, self._networks.get(each.interface, each.interface))
                    for key, each in self._view.conflicts.items()
                    if each.last_at > since and not claims.is_machine(key)]
        if standing and self._around.report is not None:
            try:
                self._around.report(standing[:CLAIMS_MAX])
            except FlockError as error:
                LOG.warning("claims of addresses could not be reported to host maintenance: %s", error)
        return REPORT_S

    def _open(self) -> None:
        made = [packet_socket(claims.ARP), packet_socket(claims.IPV6)]
        attach_filter(made[1], _ADVERTISEMENTS)
        for each in made:
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._sockets = made

    def _frames(self) -> bool:
        seen = False
        for key, _ in self._selector.select(WAIT_S):
            for _ in range(FRAMES_PER_ROUND):
                try:
                    frame, origin = key.fileobj.recvfrom(FRAME_MAX)  # type: ignore[union-attr]
                except BlockingIOError:
                    break
                seen = True
                self._frame(frame, origin)
        return seen

    def _frame(self, frame: bytes, origin: Any) -> None:
        interface, _, packet_type, hardware, _ = origin
        if packet_type == socket.PACKET_OUTGOING or hardware != _ETHERNET_TYPE:
            return
        claim = claims.claim_in(frame)
        if claim is None:
            return
        if claim.mac in self._known.departed and self._networks.get(interface) in INTERNAL:
            view, actions = claims.appeared(self._view, claim.mac, interface, self._clock())
            self._act(actions)
            self._view = view
        if claim.address not in self._own:
            return
        view, actions = claims.claimed(self._view, claim, interface, self._own, self._clock())
        # The list of own addresses is some seconds old; an address that was given up may have a new holder.
        if actions and not self._own[claim.address].holder and not has_address(claim.address):
            self._read_at = float("-inf")
            return
        # After an alarm that could not be stored, the next frame tries again.
        self._act(actions)
        is_new = claim.address not in self._view.conflicts
        self._view = view
        if is_new and claim.address in view.conflicts:
            self._reports.nudge()

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            entity = self._entity(action.interface, action.address)
            if action.kind == "defend":
                self._defend(action)
            elif action.kind == "raise":
                reason = self._reason(action)
                LOG.error("%s", reason)
                self._alarms.raise_alarm(
                    ALARM, entity_instance_id=entity, severity="major", reason_text=reason,
                    proposed_repair_action=MACHINE_REMEDY if claims.is_machine(action.address) else REMEDY)
            else:
                LOG.info("%s is over: %s", ALARM, entity)
                self._alarms.clear_alarm(ALARM, entity_instance_id=entity, exact=True)

    def _reason(self, action: Action) -> str:
        if claims.is_machine(action.address):
            return (f"Host {self._known.departed.get(action.mac, '')} was deleted, and its machine with MAC address "
                    f"{action.mac} still sends on {action.interface}.")
        holder = self._own[action.address].holder if action.address in self._own else ""
        return (f"Address {action.address} of host {holder or self._hostname} on {action.interface} is claimed by "
                f"another machine with MAC address {action.mac}.")

    def _defend(self, action: Action) -> None:
        try:
            self._sockets[0].sendto(claims.announcement(action.address, action.mac), (action.interface, 0))
        except OSError as error:
            LOG.warning("address %s cannot be defended on %s: %s", action.address, action.interface, error)

    def _entity(self, interface: str, address: str) -> str:
        network = self._networks.get(interface, interface)
        kind = "mac" if claims.is_machine(address) else "address"
        return f"host={self._hostname}.network={network}.{kind}={address}"

    def _reconcile(self) -> None:
        """Clear, once, alarms that an earlier process raised and that no conflict justifies now."""
        if self._reconciled:
            return
        try:
            active = self._faults.get_faults(alarm_id=ALARM, entity_instance_id=f"host={self._hostname}", below=True)
        except FlockError as error:
            LOG.info("earlier alarms of address conflicts are not known yet: %s", error)
            return
        wanted = {self._entity(each.interface, address) for address, each in self._view.conflicts.items()}
        for fault in active:
            own = ".address=" in fault.entity_instance_id or ".mac=" in fault.entity_instance_id
            if own and fault.entity_instance_id not in wanted:
                self._alarms.clear_alarm(ALARM, entity_instance_id=fault.entity_instance_id, exact=True)
        self._reconciled = True


def own_addresses() -> dict[str, Own]:
    """The addresses of this host's Ethernet interfaces, without link-local ones of IPv6; FlockError without ip(8)."""
    links = json.loads(run(["ip", "-json", "address", "show"], timeout_s=IP_TIMEOUT_S).out)
    found = {}
    for link in links:
        if link.get("link_type") != "ether":
            continue
        for entry in link.get("addr_info", ()):
            if entry.get("family") in ("inet", "inet6") and not (
                    entry["family"] == "inet6" and entry.get("scope") == "link"):
                address = str(ipaddress.ip_address(entry["local"]))
                found[address] = Own(str(link["ifname"]), str(link["address"]).lower(), int(entry.get("prefixlen", 0)))
    return found


def own_subnets() -> dict[str, frozenset[str]]:
    """By Ethernet interface of this host, the networks of its addresses; FlockError without ip(8)."""
    found: dict[str, frozenset[str]] = {}
    for address, own in own_addresses().items():
        network = str(ipaddress.ip_network(f"{address}/{own.prefix}", strict=False))
        found[own.interface] = found.get(own.interface, frozenset()) | {network}
    return found


def has_address(address: str) -> bool:
    """Whether this host has ``address`` at this moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def packet_socket(protocol: int) -> socket.socket:
    """A socket that gets all frames of an Ethernet protocol on all interfaces; OSError without CAP_NET_RAW."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))


def attach_filter(packets: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    """Let the kernel drop what the classic BPF ``program`` does not accept."""

    class Instruction(ctypes.Structure):
        _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.c_void_p))

    instructions = (Instruction * len(program))(*(Instruction(*each) for each in program))
    whole = Program(len(program), ctypes.cast(instructions, ctypes.c_void_p))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(whole))
