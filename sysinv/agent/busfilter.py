# SPDX-License-Identifier: Apache-2.0
"""Who may send how much to the message bus on a controller: rules for nftables. Pure.

The limits of ``sysinv.bootstrap.front`` are per address, and a machine on the management network gives itself as many
addresses as it likes. So all addresses that are no host's share one small limit. What comes in a host's name from a
wrong card is dropped: it would use up what that host may send. Hosts whose card is not known share a large limit,
because anybody can speak in their names.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysinv.model.busaccounts import BUS_PORT

TABLE = "flock-bus-clients"
# A host that has just been added is a stranger for a minute: an inventory has some hundred kilobytes.
STRANGERS_KBYTES_PER_S, STRANGERS_KBYTES_BURST = 128, 512
UNPROVEN_KBYTES_PER_S, UNPROVEN_KBYTES_BURST = 4096, 16384
FAMILIES = (("ip", "ipv4_addr", "."), ("ip6", "ipv6_addr", ":"))


def script(clients: Iterable[str], cards: Mapping[str, Iterable[str]], kept_s: int, sets_kept_s: int) -> str:
    """Return the script that replaces the rules; without ``clients`` it removes them.

    ``cards`` are the MAC addresses from which an address may come, where they are known. The rules end after ``kept_s``
    seconds, the sets that they look into later, so that nobody becomes a stranger because nobody confirms him.
    """
    # The first line makes the table, so that the second never fails.
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}"]
    known = sorted(set(clients))
    if not known:
        return "\n".join(lines) + "\n"
    sets, rules = [_set("guarded", "inet_service", kept_s, [str(BUS_PORT)])], []
    for family, kind, mark in FAMILIES:
        pairs = [f"{address} . {mac}" for address in known if mark in address for mac in sorted(cards.get(address, ()))]
        sets += [_set(f"{family}_clients", kind, sets_kept_s, [address for address in known if mark in address]),
                 _set(f"{family}_paired", kind, kept_s, sorted({pair.partition(" ")[0] for pair in pairs})),
                 _set(f"{family}_pairs", f"{kind} . ether_addr", sets_kept_s, pairs)]
        rules += [f"    tcp dport @guarded {family} saddr @{family}_paired "
                  f"{family} saddr . ether saddr != @{family}_pairs counter drop",
                  f"    tcp dport @guarded {family} saddr != @{family}_clients limit rate over "
                  f"{STRANGERS_KBYTES_PER_S} kbytes/second burst {STRANGERS_KBYTES_BURST} kbytes counter drop",
                  f"    tcp dport @guarded {family} saddr != @{family}_paired limit rate over "
                  f"{UNPROVEN_KBYTES_PER_S} kbytes/second burst {UNPROVEN_KBYTES_BURST} kbytes counter drop"]
    lines += [f"table inet {TABLE} {{", *sets,
              "  chain input {",
              "    type filter hook input priority filter - 10; policy accept;",
              '    iifname "lo" accept',
              *rules,
              "  }",
              "}"]
    return "\n".join(lines) + "\n"


def _set(name: str, kind: str, kept_s: int, elements: Iterable[str]) -> str:
    given = ", ".join(elements)
    return f"  set {name} {{ type {kind}; timeout {kept_s}s; " + (f"elements = {{ {given} }}; }}" if given else "}")
