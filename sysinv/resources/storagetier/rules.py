# SPDX-License-Identifier: Apache-2.0
"""Rules of storage tiers."""
from __future__ import annotations

from typing import ClassVar

from flock.core.errors import Conflict, Refused

NAME_LENGTH_MAX = 64
NAME_PATTERN = r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9_.\-]*"
# The tier that comes with a cluster.
DEFAULT = "storage"
DEFINED, IN_USE = "defined", "in-use"
TIERS_MAX = 16


class TierRefused(Refused):
    """A rule about storage tiers refuses a request."""

    code: ClassVar[str] = "sysinv.storage_tier.refused"


class TierExists(Conflict):
    """The cluster has a tier of that name."""

    code: ClassVar[str] = "sysinv.storage_tier.exists"
    text: ClassVar[str] = "Storage tier {name} already exists in cluster {cluster}."


def status(*, has_backend: bool, stors: int) -> str:
    """Return the status of a tier: in use while a back end or an OSD refers to it."""
    return IN_USE if has_backend or stors else DEFINED


def check_add(count: int, *, is_host_based: bool) -> None:
    """Raise TierRefused when the cluster, which has ``count`` tiers, can not have another one."""
    if not is_host_based:
        raise TierRefused(detail="Tiers can only be added to the cluster of a ceph storage backend.")
    if count >= TIERS_MAX:
        raise TierRefused(detail=f"The cluster has {count} tiers, which is the most that it can have.")


def check_change(name: str, current: str, verb: str) -> None:
    """Raise TierRefused when tier ``name`` with status ``current`` may not be renamed or deleted (``verb``)."""
    if name == DEFAULT:
        raise TierRefused(detail=f"The default storage tier {name} can not be {verb}.")
    if current == IN_USE:
        raise TierRefused(detail=f"Storage tier {name} can not be {verb} while it is in-use.")
