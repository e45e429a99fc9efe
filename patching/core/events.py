# SPDX-License-Identifier: Apache-2.0
"""What can happen to releases and their deployment: orders of operators, results of programs, and time."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from patching.contract.states import Owner


@dataclass(frozen=True, slots=True)
class Start:
    """Deploy a release. ``force``: alarms that do not affect management do not count; only for patches. ``others``:
    older patches that come along though ``release`` does not require them. ``keep_none``: unremovable releases go too.
    """

    release: str
    force: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    owner: Owner = Owner.USM
    others: tuple[str, ...] = ()
    keep_none: bool = False


@dataclass(frozen=True, slots=True)
class DeployHost:
    """Install the deployment on a host."""

    hostname: str


@dataclass(frozen=True, slots=True)
class RollBackHost:
    """Give a host back what it ran before."""

    hostname: str


@dataclass(frozen=True, slots=True)
class Activate:
    """Run the activation scripts. ``force``: they have failed, and the deployment goes on without them."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    """Accept the deployment."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Head back to where the system came from."""


@dataclass(frozen=True, slots=True)
class ActivateRollback:
    """Take back what the activation scripts have done. ``force``: that has failed, and is given up."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class DeleteDeploy:
    """End the deployment."""


@dataclass(frozen=True, slots=True)
class DeleteReleases:
    """Remove releases from the system."""

    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Make releases permanent, with all that they require."""

    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScriptsEnded:
    """A run of scripts (start, activate, activate-rollback) has ended. ``error``: why it failed; empty: it did not.
    ``commit_id``: content that ``start`` has made."""

    attempt: int
    error: str = ""
    commit_id: str = ""


@dataclass(frozen=True, slots=True)
class HostEnded:
    """An installation on a host has ended. ``error``: why it failed; empty: it did not."""

    hostname: str
    attempt: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class HostGone:
    """A host was deleted from the inventory."""

    hostname: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The conductor has started: a run of scripts that it had begun has ended without result."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = (Start | DeployHost | RollBackHost | Activate | Complete | Abort | ActivateRollback | DeleteDeploy
         | DeleteReleases | Commit | ScriptsEnded | HostEnded | HostGone | Restarted | Tick)
