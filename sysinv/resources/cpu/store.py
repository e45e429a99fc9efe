# SPDX-License-Identifier: Apache-2.0
"""Rows of ``i_icpu``."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.db import new_uuid
from sysinv.contract.enums import CpuFunction
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.table import I_ICPU
from sysinv.resources.host.table import I_HOST
from sysinv.resources.node.table import I_NODE

QUERY = (
    sa.select(I_ICPU, I_NODE.c.numa_node, I_HOST.c.uuid.label("ihost_uuid"), I_NODE.c.uuid.label("inode_uuid"))
    .join(I_HOST, I_HOST.c.id == I_ICPU.c.forihostid).outerjoin(I_NODE, I_NODE.c.id == I_ICPU.c.forinodeid))


def of_host(conn: Connection, host_id: int) -> list[StoredCpu]:
    """Return all CPUs of a host."""
    rows = conn.execute(QUERY.where(I_ICPU.c.forihostid == host_id)).mappings()
    return [StoredCpu(
        cpu=row["cpu"], core=row["core"], thread=row["thread"],
        numa_node=row["numa_node"] if row["numa_node"] is not None else 0, socket=row["socket"],
        cpu_family=row["cpu_family"], cpu_model=row["cpu_model"], allocated_function=row["allocated_function"])
        for row in rows]


def replace_all(conn: Connection, host_id: int, cpus: Sequence[CpuReport], functions: Mapping[int, CpuFunction],
                node_ids: Mapping[int, int]) -> None:
    """Replace all CPUs of the host by ``cpus``."""
    conn.execute(sa.delete(I_ICPU).where(I_ICPU.c.forihostid == host_id))
    if cpus:
        conn.execute(sa.insert(I_ICPU), [{
            "uuid": new_uuid(), "cpu": cpu.cpu, "core": cpu.core, "thread": cpu.thread, "socket": cpu.socket,
            "cpu_family": cpu.cpu_family, "cpu_model": cpu.cpu_model, "allocated_function": functions[cpu.cpu].value,
            "capabilities": {}, "forihostid": host_id, "forinodeid": node_ids.get(cpu.numa_node)} for cpu in cpus])


def update(conn: Connection, host_id: int, cpus: Mapping[int, CpuReport]) -> None:
    """Write new core ids and models; keeps functions."""
    for number, cpu in cpus.items():
        conn.execute(sa.update(I_ICPU).where(I_ICPU.c.forihostid == host_id, I_ICPU.c.cpu == number).values(
            core=cpu.core, cpu_family=cpu.cpu_family, cpu_model=cpu.cpu_model))


def set_functions(conn: Connection, host_id: int, functions: Mapping[int, CpuFunction]) -> None:
    """Write the functions of the given CPUs."""
    by_function: dict[CpuFunction, list[int]] = {}
    for number, function in functions.items():
        by_function.setdefault(function, []).append(number)
    for function, numbers in by_function.items():
        conn.execute(sa.update(I_ICPU).where(I_ICPU.c.forihostid == host_id, I_ICPU.c.cpu.in_(numbers))
                     .values(allocated_function=function.value))


def ids_with_function(conn: Connection, host_id: int, function: CpuFunction) -> list[tuple[int, int]]:
    """Return (cpu, thread) of the CPUs with ``function``, in order."""
    rows = conn.execute(sa.select(I_ICPU.c.cpu, I_ICPU.c.thread).where(
        I_ICPU.c.forihostid == host_id, I_ICPU.c.allocated_function == function.value).order_by(I_ICPU.c.cpu))
    return [(row.cpu, row.thread) for row in rows]
