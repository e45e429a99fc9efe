# SPDX-License-Identifier: Apache-2.0
"""Queries over all hosts: what is there before a file of hosts, and what an export shows."""
from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy.engine import Connection

from sysinv.contract.enums import NetworkType
from sysinv.db.lookup import Row, the_system
from sysinv.model.host import host_view
from sysinv.resources.bulk.rules import RoleProfile, Situation
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST
from sysinv.resources.network import store as networks
from sysinv.resources.profile import store as profiles
from sysinv.resources.profile.service import body_of


def situation(conn: Connection, macs: Iterable[str], profile_names: Collection[str],
              active_controller: str) -> Situation:
    """Return the system, its hosts, those with one of ``macs``, and the role profiles with one of ``profile_names``."""
    wanted = set(macs)
    views = [host_view(row) for row in hosts.all_rows(conn)]
    own = next((view.mgmt_mac for view in views if view.hostname == active_controller), None)
    return Situation(
        the_system(conn), hosts.others(conn, None), {view.mgmt_mac: view for view in views if view.mgmt_mac in wanted},
        {view.hostname.lower(): view.uuid for view in views if view.hostname}, own,
        _role_profiles(conn, profile_names) if profile_names else {})


def _role_profiles(conn: Connection, names: Collection[str]) -> dict[str, RoleProfile]:
    found = {}
    for name, row in profiles.role_bodies(conn, names).items():
        role = body_of(row).role
        if role is not None:
            found[name] = RoleProfile(row["uuid"], role)
    return found


def exported(conn: Connection) -> tuple[str, list[Row], bool]:
    """Return the system's release, its hosts that have a personality, and whether their addresses are static."""
    rows = conn.execute(hosts.QUERY.where(I_HOST.c.recordtype == "standard", I_HOST.c.personality.is_not(None))
                        .order_by(I_HOST.c.id)).mappings()
    return (the_system(conn).software_version, [dict(row) for row in rows],
            not networks.dynamic(conn, NetworkType.MGMT))
