# SPDX-License-Identifier: Apache-2.0
"""The rules of the paths between the controllers: the rows, as the transport that uses them needs them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sm.catalogue.problems import Problem
from sm.catalogue.rows import Configured, InterfaceRow, key_of
from sm.transport.settings import PathLink, Peer, broken

TABLE = "service_domain_interfaces"
_NAMES = {"management": "mgmt"}
_OWN, _OTHER = "this controller", "the other one"
_FIELDS = {"group": "multicast", f"peers.{_OTHER}.address": "peer_address", f"peers.{_OTHER}.port": "peer_port"}
"""What the transport's fields are called in the rows."""


def path_name(row: InterfaceRow) -> str:
    """``mgmt`` for ``management-interface``; other names without ``-interface``."""
    name = row.name.removesuffix("-interface")
    return _NAMES.get(name, name)


def used(configured: Configured) -> tuple[InterfaceRow, ...]:
    """The rows that are paths; those without a device or an address are left out."""
    return tuple(row for row in configured.service_domain_interfaces if row.provisioned and row.device and row.address)


def problems(configured: Configured) -> Iterator[Problem]:
    """The rules that the paths to the other controller break. A daemon whose paths break one does not start."""
    rows = [row for row in used(configured) if row.peer_address]
    devices = Counter(row.device for row in rows)
    for row in rows:
        place = " ".join(key_of(row))
        if devices[row.device] > 1:
            yield Problem(TABLE, place, "device", f"must differ from path to path; {row.device} has several")
        link = PathLink(path_name(row), row.device, row.address, (Peer(_OTHER, row.peer_address, row.peer_port),),
                        row.multicast or None, row.port)
        for field, rule in broken(link, _OWN):
            yield Problem(TABLE, place, _FIELDS.get(field, field), rule)
