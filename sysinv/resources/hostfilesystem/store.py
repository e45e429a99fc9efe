# SPDX-License-Identifier: Apache-2.0
"""Rows of ``host_fs``. The caller of a write holds the host's lock."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import compare_and_set
from sysinv.contract.enums import PARTITION_CHANGING, UNLOCK_ACTIONS, FilesystemState, VolumeState
from sysinv.db.lookup import Row
from sysinv.model.host import host_view
from sysinv.resources.host.table import I_HOST
from sysinv.resources.hostfilesystem import intake
from sysinv.resources.hostfilesystem.rules import CEPH, FUNCTIONS, MONITOR, FilesystemView, HostFacts
from sysinv.resources.hostfilesystem.table import HOST_FS
from sysinv.resources.partition.table import PARTITION
from sysinv.resources.storagebackend import store as backends
from sysinv.resources.volumegroup.rules import PLATFORM_GROUP
from sysinv.resources.volumegroup.table import I_LVG

MIB = 2**20
QUERY = sa.select(HOST_FS, I_HOST.c.uuid.label("ihost_uuid")).join(I_HOST, I_HOST.c.id == HOST_FS.c.forihostid)
_UNSETTLED = (VolumeState.PROVISIONING.value, VolumeState.REMOVING.value)


def of_host(conn: Connection, host_id: int) -> list[Row]:
    """Return the host's file systems, oldest first."""
    query = sa.select(HOST_FS).where(HOST_FS.c.forihostid == host_id).order_by(HOST_FS.c.id)
    return [dict(row) for row in conn.execute(query).mappings()]


def view(row: Mapping[str, Any]) -> FilesystemView:
    """Return what the rules need of a stored file system."""
    functions = (row["capabilities"] or {}).get(FUNCTIONS) or ()
    return FilesystemView(row["name"], row["size"], FilesystemState(row["state"]), row["present_mib"],
                          tuple(str(one) for one in functions))


def facts(conn: Connection, host: Row) -> HostFacts:
    """Return what the rules need of a host, which the caller has locked."""
    groups = {row.lvm_vg_name: row for row in conn.execute(
        sa.select(I_LVG.c.lvm_vg_name, I_LVG.c.vg_state, I_LVG.c.lvm_vg_avail_size).where(
            I_LVG.c.forihostid == host["id"]))}
    platform = groups.get(PLATFORM_GROUP)
    return HostFacts(
        host=host_view(host), present=tuple(view(row) for row in of_host(conn, host["id"])),
        free_mib=None if platform is None else platform.lvm_vg_avail_size // MIB, groups=tuple(groups),
        backends=tuple(row["backend"] for row in backends.all_rows(conn)),
        changing=_changing(conn, host, None if platform is None else platform.vg_state), monitors=monitors(conn))


def _changing(conn: Connection, host: Row, state: str | None) -> str | None:
    name = host_view(host).name
    if host["ihost_action"] in UNLOCK_ACTIONS:
        # It boots with what it has fetched; a change that is stored now would be taken for carried out.
        return f"Host {name} is being unlocked."
    if state in _UNSETTLED:
        return f"Volume group {PLATFORM_GROUP} of host {name} is being changed."
    changing = conn.execute(sa.select(PARTITION.c.device_path).where(
        PARTITION.c.forihostid == host["id"], PARTITION.c.status.in_(sorted(PARTITION_CHANGING)))).scalars().first()
    return None if changing is None else f"Partition {changing} of host {name} is being changed."


def monitors(conn: Connection) -> int:
    """Return how many file systems of all hosts are for Ceph monitors."""
    rows = conn.execute(sa.select(HOST_FS.c.capabilities).where(HOST_FS.c.name == CEPH)).scalars()
    return sum(MONITOR in ((told or {}).get(FUNCTIONS) or ()) for told in rows)


def names(conn: Connection, host_id: int) -> list[str]:
    """Return the names of the host's file systems."""
    return list(conn.execute(sa.select(HOST_FS.c.name).where(HOST_FS.c.forihostid == host_id)).scalars())


def add_missing(conn: Connection, host: Row) -> None:
    """Add the file systems that a host of this personality always has."""
    for values in intake.missing(host["personality"], names(conn, host["id"])):
        insert(conn, values | {"forihostid": host["id"]})


def insert(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add a file system and return its id; DuplicateEntry when the host has one of that name."""
    done = conn.execute(sa.insert(HOST_FS).values(**values))
    return int(done.inserted_primary_key[0])  # type: ignore[index]


def write(conn: Connection, row: Row, values: Mapping[str, Any]) -> None:
    """Change a file system that was read in this transaction; StaleWrite when another request changed it first."""
    compare_and_set(conn, HOST_FS, row["id"], row["revision"], values)


def delete(conn: Connection, row_id: int) -> None:
    """Remove one file system."""
    conn.execute(sa.delete(HOST_FS).where(HOST_FS.c.id == row_id))
