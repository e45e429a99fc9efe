# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host's memory: huge pages by NUMA node."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.db.lookup import Row
from sysinv.resources.memory import store

# Sizes of huge pages in MiB.
SMALL, LARGE = 2, 1024


def page_counts(rows: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return ``{"2M": {node: pages}, "1G": {node: pages}}``: what is pending, else what there is, with vswitch's pages.

    ``rows``: the columns of ``imemorys`` by NUMA node.
    """
    small: dict[str, int] = {}
    large: dict[str, int] = {}
    for node, row in rows.items():
        vswitch = row["vswitch_hugepages_reqd"]
        vswitch = row["vswitch_hugepages_nr"] if vswitch is None else vswitch
        size = row["vswitch_hugepages_size_mib"]
        small[str(node)] = _wanted(row, "2M") + (vswitch if size == SMALL else 0)
        large[str(node)] = _wanted(row, "1G") + (vswitch if size == LARGE else 0)
    return {"2M": small, "1G": large}


def _wanted(row: Mapping[str, Any], size: str) -> int:
    pending = row[f"vm_hugepages_nr_{size}_pending"]
    return int(row[f"vm_hugepages_nr_{size}"] if pending is None else pending)


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    counts = page_counts(store.rows_of_host(conn, host["id"]))
    return {"platform::compute::hugepage::params::nr_hugepages_2M": counts["2M"],
            "platform::compute::hugepage::params::nr_hugepages_1G": counts["1G"]}


PLUGIN = Plugin(
    classes=(PuppetClass("platform::compute::hugepage", ("worker",), rank=31,
                         reads=("platform::compute::hugepage::params",)),),
    host=_host)
