# SPDX-License-Identifier: Apache-2.0
"""``i_imemory``: memory of NUMA nodes, sizes in MiB, pages as counts."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Json, columns, revision_column
from sysinv.db.schema import METADATA, host_id, node_id

MEMORY_COUNTS = (
    "memtotal_mib", "memavail_mib", "platform_reserved_mib", "node_memtotal_mib", "vswitch_hugepages_size_mib",
    "vswitch_hugepages_nr", "vswitch_hugepages_avail", "vm_hugepages_nr_2M", "vm_hugepages_avail_2M",
    "vm_hugepages_nr_1G", "vm_hugepages_avail_1G", "vm_hugepages_nr_4K", "vm_hugepages_possible_2M",
    "vm_hugepages_possible_1G", "minimum_platform_reserved_mib")

MEMORY_PENDING = ("vswitch_hugepages_reqd", "vm_hugepages_nr_2M_pending", "vm_hugepages_nr_1G_pending",
                  "vm_hugepages_2M_percentage", "vm_hugepages_1G_percentage")

I_IMEMORY = sa.Table(
    "i_imemory", METADATA, *columns(), revision_column(),
    *(sa.Column(name, sa.Integer, nullable=False, default=0) for name in MEMORY_COUNTS),
    *(sa.Column(name, sa.Integer, nullable=True) for name in MEMORY_PENDING),
    sa.Column("hugepages_configured", sa.Boolean, nullable=False, default=False),
    sa.Column("vm_hugepages_use_1G", sa.Boolean, nullable=False, default=False),
    sa.Column("vm_pending_as_percentage", sa.Boolean, nullable=False, default=False),
    sa.Column("capabilities", Json, nullable=False, default=dict), host_id(), node_id(),
    sa.UniqueConstraint("forihostid", "forinodeid"))
