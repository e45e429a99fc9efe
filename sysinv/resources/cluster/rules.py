# SPDX-License-Identifier: Apache-2.0
"""What follows from the hosts for a storage cluster: its deployment model and its replication groups."""
from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sysinv.contract.enums import Personality
from sysinv.model.system import SystemView

CEPH_CLUSTER, ROOK_CLUSTER = "ceph_cluster", "ceph_rook_cluster"
_STORAGE_NAME = re.compile(r"storage-([0-9]{1,9})")


class DeploymentModel(enum.StrEnum):
    """Who runs the OSDs of a host-based Ceph cluster."""

    AIO_SX = "aio-sx"
    CONTROLLER_NODES = "controller-nodes"
    STORAGE_NODES = "storage-nodes"
    UNDEFINED = "undefined"


@dataclass(frozen=True, slots=True)
class ClusterHosts:
    """What of the hosts decides the model. ``osd_roles``: personalities of the hosts with OSDs; ``storage_hosts``:
    names of the storage hosts; ``worker_monitor``: a worker has the third monitor.
    """

    osd_roles: frozenset[str] = frozenset()
    storage_hosts: tuple[str, ...] = ()
    worker_monitor: bool = False


def ceph_model(system: SystemView, hosts: ClusterHosts) -> DeploymentModel:
    """Return the deployment model of the host-based cluster."""
    if system.is_simplex:
        return DeploymentModel.AIO_SX
    if system.is_all_in_one:
        return DeploymentModel.CONTROLLER_NODES
    if hosts.storage_hosts:
        return DeploymentModel.STORAGE_NODES
    if Personality.CONTROLLER in hosts.osd_roles or hosts.worker_monitor:
        return DeploymentModel.CONTROLLER_NODES
    return DeploymentModel.UNDEFINED


def storage_number(hostname: str | None) -> int | None:
    """Return the number of a storage host; None for other names."""
    found = _STORAGE_NAME.fullmatch(hostname or "")
    return None if found is None else int(found[1])


def next_storage_name(taken: Collection[str]) -> str:
    """Return the name that the next storage host gets: that with the lowest free number."""
    used = {storage_number(name) for name in taken}
    return f"storage-{next(number for number in range(len(used) + 1) if number not in used)}"


def group_hosts(number: int, replication: int) -> tuple[str, ...]:
    """Return the names of the hosts of the replication group of storage host ``number``."""
    first = number // replication * replication
    return tuple(f"storage-{one}" for one in range(first, first + replication))


def peers(storage_hosts: Collection[str], replication: int) -> list[dict[str, Any]]:
    """Return the replication groups as the API shows them: each has as many hosts as there are replicas."""
    numbers = sorted(number for number in map(storage_number, storage_hosts) if number is not None)
    found = []
    for group in sorted({number // replication for number in numbers}):
        hosts = [f"storage-{number}" for number in numbers if number // replication == group]
        status = "provisioned" if len(hosts) == replication else "provisioning"
        found.append({"name": f"group-{group}", "status": status, "hosts": hosts})
    return found
