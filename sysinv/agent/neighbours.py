# SPDX-License-Identifier: Apache-2.0
"""Keeps the kernel from learning a neighbour's address from a wrong machine, and strangers from using up the bus.

sysinv-conductor says which machines may claim which addresses. nftables drops every other ARP frame, and every other
message of IPv6's neighbour discovery, that claims one of them. Permanent entries in the table of neighbours would do
the same, but somebody would have to rewrite them on each host within the second in which the floating address moves;
a filter lets the other controller's announcement pass.

Another filter drops ARP frames whose sender is in no subnet of the interface. The kernel makes an entry for the sender
of every request, whatever its address; one table with 1,024 places serves all networks, and when it is full the host
reaches nobody whom it does not know already. On controllers ``busfilter`` limits who is no host.
"""
from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from flock.exec.atomic import replace_file
from flock.exec.process import run
from flock.jobs.worker import Worker
from sysinv.agent import busfilter
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import Neighbourhood
from sysinv.contract.rpc import Neighbours
from sysinv.model.host import normal_mac

LOG = logging.getLogger(__name__)
TABLE, ADVERTISEMENTS_TABLE, SUBNETS_TABLE = "flock-neighbours", "flock-advertisements", "flock-subnets"
EVERY_S, RETRY_S = 60.0, 10.0
# A card of a controller may be replaced: what nobody has confirmed for so long protects nothing any more. The kernel
# counts, so a dead agent changes nothing about that. Pairs last longer, so that an address never stands without them.
KEPT_S, PAIRS_KEPT_S = 900, 960
NFT_TIMEOUT_S = 10.0
_CODEC = codec_for(Neighbourhood)
Subnets = Mapping[str, frozenset[str]]
"""By interface of this host, the networks of its addresses, such as 192.168.204.0/24."""


@dataclass(frozen=True, slots=True)
class Known:
    """Holder and MAC addresses of each neighbour's address; the hosts that deleted hosts' MAC addresses belonged to;
    the addresses from which hosts use the message bus."""

    neighbours: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    departed: Mapping[str, str] = field(default_factory=dict)
    bus_clients: frozenset[str] = frozenset()


def known(neighbourhood: Neighbourhood) -> Known:
    """What the conductor said, without what is no address."""
    neighbours = {}
    for each in neighbourhood.neighbours:
        macs, address = frozenset(filter(None, map(normal_mac, each.macs))), _address(each.address)
        if macs and address:
            neighbours[address] = (each.holder, macs)
    departed = {mac: machine.hostname for machine in neighbourhood.departed
                for mac in filter(None, map(normal_mac, machine.macs))}
    return Known(neighbours, departed, frozenset(filter(None, map(_address, neighbourhood.bus_clients))))


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def filter_script(neighbours: Mapping[str, tuple[str, frozenset[str]]]) -> str:
    """Return the script for nftables that replaces the filter; without neighbours it removes the filter. IPv4 only."""
    # The first line makes the table, so that the second never fails.
    lines = [f"table arp {TABLE}", f"delete table arp {TABLE}"]
    pairs = [(address, mac) for address, (_, macs) in sorted(neighbours.items()) if "." in address
             for mac in sorted(macs)]
    if pairs:
        addresses = ", ".join(dict.fromkeys(address for address, _ in pairs))
        both = ", ".join(f"{address} . {mac}" for address, mac in pairs)
        lines += [
            f"table arp {TABLE} {{",
            f"  set known {{ type ipv4_addr; timeout {KEPT_S}s; elements = {{ {addresses} }} }}",
            f"  set pairs {{ type ipv4_addr . ether_addr; timeout {PAIRS_KEPT_S}s; elements = {{ {both} }} }}",
            "  chain input {",
            "    type filter hook input priority filter; policy accept;",
            "    arp saddr ip @known arp saddr ip . arp saddr ether != @pairs counter drop",
            "  }",
            "}"]
    return "\n".join(lines) + "\n"


def advertisements_script(neighbours: Mapping[str, tuple[str, frozenset[str]]]) -> str:
    """As ``filter_script``, for the messages of neighbour discovery (RFC 4861). IPv6 only.

    The kernel learns from the first option with a link-layer address: of the target in an advertisement, of the sender
    in a solicitation. Linux sends it as the first option, or sends none. So a claim with another first option is
    dropped, and one without an option passes, because it names no machine. A message that is too short for an
    expression does not match it. A host asks for routers from its link-local address, which nobody's here is.
    """
    lines = [f"table ip6 {ADVERTISEMENTS_TABLE}", f"delete table ip6 {ADVERTISEMENTS_TABLE}"]
    pairs = [(ipaddress.IPv6Address(address), int(mac.replace(":", ""), 16))
             for address, (_, macs) in sorted(neighbours.items()) if ":" in address for mac in sorted(macs)]
    if pairs:
        # Offsets in bits of the ICMPv6 message: target, and type and address of the first option. This nftables has no
        # names for them, and numbers cannot be compared with a set of addresses.
        target, option, stated = "@th,64,128", "@th,192,16", "@th,208,48"
        addresses = list(dict.fromkeys(address for address, _ in pairs))
        for kind, form, text in (("target", target, _number), ("sender", "ip6 saddr", _text)):
            lines += [
                f"table ip6 {ADVERTISEMENTS_TABLE} {{",
                f"  set {kind}s {{ typeof {form}; timeout {KEPT_S}s; "
                f"elements = {{ {', '.join(map(text, addresses))} }}; }}",
                f"  set {kind}_pairs {{ typeof {form} . {stated}; timeout {PAIRS_KEPT_S}s; "
                f"elements = {{ {', '.join(f'{text(address)} . {mac:#014x}' for address, mac in pairs)} }}; }}",
                "}"]
        lines += [
            f"table ip6 {ADVERTISEMENTS_TABLE} {{",
            "  chain input {",
            "    type filter hook input priority filter; policy accept;",
            f"    icmpv6 type nd-neighbor-advert {target} @targets {option} != 0x0201 counter drop",
            f"    icmpv6 type nd-neighbor-advert {target} @targets {target} . {stated} != @target_pairs counter drop",
            f"    icmpv6 type nd-neighbor-solicit ip6 saddr @senders {option} != 0x0101 counter drop",
            "    icmpv6 type nd-neighbor-solicit ip6 saddr @senders "
            f"ip6 saddr . {stated} != @sender_pairs counter drop",
            "    icmpv6 type nd-router-solicit ip6 saddr @senders counter drop",
            "  }",
            "}"]
    return "\n".join(lines) + "\n"


def _number(address: ipaddress.IPv6Address) -> str:
    return f"{int(address):#034x}"


def _text(address: ipaddress.IPv6Address) -> str:
    return str(address)


def subnets_script(subnets: Subnets) -> str:
    """Return the script for nftables that replaces the filter of senders in no subnet.

    IPv4 only; without such subnets it removes the filter. Interfaces without a subnet are not filtered. A probe has no
    sender's address, and makes no entry.
    """
    pairs = [(interface, network) for interface, networks in sorted(subnets.items()) for network in sorted(networks)
             if "." in network]
    lines = [f"table arp {SUBNETS_TABLE}", f"delete table arp {SUBNETS_TABLE}"]
    if pairs:
        names = ", ".join(dict.fromkeys(f'"{interface}"' for interface, _ in pairs))
        both = ", ".join(f'"{interface}" . {network}' for interface, network in pairs)
        lines += [
            f"table arp {SUBNETS_TABLE} {{",
            f"  set guarded {{ type ifname; timeout {KEPT_S}s; elements = {{ {names} }} }}",
            f"  set reached {{ type ifname . ipv4_addr; flags interval, timeout; timeout {PAIRS_KEPT_S}s; "
            f"elements = {{ {both} }} }}",
            "  chain input {",
            "    type filter hook input priority filter; policy accept;",
            "    iifname @guarded arp saddr ip != 0.0.0.0 iifname . arp saddr ip != @reached counter drop",
            "  }",
            "}"]
    return "\n".join(lines) + "\n"


def load(script: str) -> None:
    """Load a script for nftables; FlockError without nft(8), or when the kernel refuses it."""
    run(["nft", "-f", "-"], timeout_s=NFT_TIMEOUT_S, input=script)


class NeighbourWatch:
    """One thread that asks the conductor every minute and loads the filters. ``subnets`` may raise FlockError.

    Keeps the last reply in ``kept``, so that a host that boots is protected before it reaches the conductor.
    """

    def __init__(self, conductor: Neighbours, host_uuid: Callable[[], str | None], kept: Path,
                 subnets: Callable[[], Subnets], load_script: Callable[[str], None] = load,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._conductor = conductor
        self._host_uuid = host_uuid
        self._kept = kept
        self._subnets = subnets
        self._load = load_script
        self._clock = clock
        self._known = Known()
        self._known_at = float("-inf")
        self._unloadable: dict[str, str] = {}
        self._begun = False
        self._worker = Worker("neighbours", self.step)

    def start(self) -> None:
        """Begin to ask."""
        self._worker.start()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the thread; the filter stays until the kernel ends it."""
        self._worker.stop(timeout_s)

    def known(self) -> Known:
        """What the conductor said last; nothing after KEPT_S without a reply."""
        return self._known if self._clock() - self._known_at < KEPT_S else Known()

    def step(self) -> float:
        """Ask once; returns the seconds until the next time."""
        if not self._begun:
            self._begun = True
            self._begin()
        self._guard_subnets()
        host_uuid = self._host_uuid()
        if host_uuid is None:
            return RETRY_S
        try:
            told = self._conductor.known_neighbours(host_uuid=host_uuid)
        except HostNotFound:
            # This host was deleted: it has no neighbours, but whom it reaches is not its own decision.
            return EVERY_S
        except FlockError as error:
            LOG.info("the neighbours of this host are not known yet: %s", error)
            return RETRY_S
        self._take(known(told))
        try:
            replace_file(self._kept, _CODEC.encode(told, "neighbours"))
        except OSError as error:
            LOG.warning("the neighbours of this host cannot be kept: %s", error)
        return EVERY_S

    def _begin(self) -> None:
        try:
            self._take(known(_CODEC.decode(self._kept.read_bytes(), "neighbours")))
        except FileNotFoundError:
            LOG.debug("no neighbours are kept")
        except (OSError, InvalidInput) as error:
            LOG.warning("the kept neighbours cannot be read: %s", error)

    def _take(self, found: Known) -> None:
        self._known, self._known_at = found, self._clock()
        # Conflicts are still seen, and alarmed, when only the filter is missing.
        self._guard("wrong claims on addresses of neighbours", lambda: filter_script(found.neighbours))
        self._guard("wrong claims on IPv6 addresses of neighbours", lambda: advertisements_script(found.neighbours))
        cards = {address: macs for address, (_, macs) in found.neighbours.items()}
        self._guard("strangers at the message bus", lambda: busfilter.script(found.bus_clients, cards, KEPT_S,
                                                                             PAIRS_KEPT_S))

    def _guard_subnets(self) -> None:
        self._guard("ARP frames of senders in no subnet", lambda: subnets_script(self._subnets()))

    def _guard(self, what: str, script: Callable[[], str]) -> None:
        """Load a filter; says once why ``what`` is not dropped."""
        try:
            self._load(script())
        except FlockError as error:
            if self._unloadable.get(what) != str(error):
                LOG.warning("%s are not dropped: %s", what, error)
            self._unloadable[what] = str(error)
        else:
            self._unloadable.pop(what, None)
