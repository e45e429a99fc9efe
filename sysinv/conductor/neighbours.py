# SPDX-License-Identifier: Apache-2.0
"""Tells agents which machines may claim which addresses, and ends late alarms of deleted hosts."""
from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import Database, utcnow
from fm.contract.rpc import FmManager
from sysinv.contract.enums import Administrative, Personality
from sysinv.contract.records import Neighbourhood
from sysinv.db.lookup import Row, host_row
from sysinv.hosts import departed
from sysinv.model.neighbours import Machine, bus_clients, neighbours_of
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.host import store as hosts
from sysinv.resources.port.table import PORTS

LOG = logging.getLogger(__name__)
# What still had messages on their way about a deleted host has sent them by then.
LATE = datetime.timedelta(days=1)
NAMES_PER_ROUND = 50


class NeighboursEndpoint:
    """Implements ``Neighbours``. ``interfaces`` are names by network type on the hosts that this system installed.

    The first controller was installed otherwise: ``own_interfaces()`` are those of ``own_hostname``.
    """

    def __init__(self, db: Database, interfaces: Mapping[str, str], own_hostname: str,
                 own_interfaces: Callable[[], Mapping[str, str]]) -> None:
        self._db = db
        self._interfaces = interfaces
        self._own_hostname = own_hostname
        self._own_interfaces = own_interfaces

    def known_neighbours(self, *, host_uuid: str) -> Neighbourhood:
        """The neighbours of a host; HostNotFound."""
        with self._db.reader() as conn:
            row = host_row(conn, host_uuid)
            macs = _macs(conn)
            machines = [self._machine(each, macs) for each in hosts.all_rows(conn) if each["hostname"]]
            addresses: dict[str, str] = {each.name: each.address for each in conn.execute(
                sa.select(ADDRESSES.c.name, ADDRESSES.c.address))}
            is_controller = row["personality"] == Personality.CONTROLLER
            gone = departed.machines(conn) if is_controller else []
        return Neighbourhood(neighbours_of(self._machine(row, macs), machines, addresses), gone,
                             bus_clients(machines, addresses) if is_controller else [])

    def _machine(self, row: Row, macs: Mapping[int, Mapping[str, str]]) -> Machine:
        interfaces, ports = self._interfaces, macs.get(row["id"], {})
        if row["hostname"] == self._own_hostname:
            interfaces = {**interfaces, **self._own_interfaces()}
        return Machine(row["hostname"] or "", row["personality"] == Personality.CONTROLLER,
                       row["administrative"] == Administrative.LOCKED,
                       {network: ports[name] for network, name in interfaces.items() if name in ports})


def _macs(conn: Connection) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for port in conn.execute(sa.select(PORTS.c.host_id, PORTS.c.name, PORTS.c.mac)):
        found.setdefault(port.host_id, {})[port.name] = port.mac
    return found


class Clearer(Protocol):
    """The part of ``fm.raiser.Raiser`` that ends alarms."""

    def clear_all(self, entity_instance_id: str) -> str:
        """Store a request to clear all alarms on and below an entity."""


class LateAlarms:
    """``audit`` is a periodic task: alarms of hosts that were deleted and are no hosts now are cleared."""

    def __init__(self, db: Database, faults: FmManager, raiser: Clearer,
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._faults = faults
        self._raiser = raiser
        self._now = now

    def audit(self) -> None:
        """Look once; errors of fm-manager pass through."""
        for name in self._names():
            entity = f"host={name}"
            page = self._faults.get_faults_page(alarm_id=None, entity_instance_id=entity, below=True)
            # A host that was added with this name since has alarms of its own.
            if page.faults and name in self._names():
                LOG.warning("host %s was deleted and still has alarms, such as %s: they are cleared", name,
                            page.faults[0].alarm_id)
                self._raiser.clear_all(entity)

    def _names(self) -> list[str]:
        with self._db.reader() as conn:
            return departed.names(conn, self._now() - LATE, NAMES_PER_ROUND)
