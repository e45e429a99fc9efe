# SPDX-License-Identifier: Apache-2.0
"""Whether a system is fit for a deployment: what software management itself can say. The inventory's service checks
hosts, alarms, storage and Kubernetes."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flock.core.checks import Check, Report, no_names

SELF = "software management"
"""What the inventory's service calls this service where it does not ask it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a major release needs, in GiB; 0: nothing."""

    containers_free_gib: int = 40
    system_free_gib: int = 40


@dataclass(frozen=True, slots=True)
class Facts:
    """The system before a deployment. ``outdated``: hosts with other software than they should have. ``unmet``:
    required releases that are not deployed. ``supported_from``: versions from which the target can be reached. Free
    space is None where nobody has measured it."""

    running: str
    outdated: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()
    supported_from: tuple[str, ...] = ()
    containers_free_gib: int | None = None
    system_free_gib: int | None = None


def report(facts: Facts, health: Report, *, is_major: bool, limits: Limits = Limits()) -> Report:  # noqa: B008 - frozen
    """All checks: those of the inventory's service (``health``), then those of this one, which knows better what
    hosts run."""
    own = [no_names("All hosts are patch current", facts.outdated, "Hosts not patch current",
                    "See 'software deploy host-list', or lock and unlock them."),
           no_names("All required releases are deployed", facts.unmet, "Required releases",
                    "Deploy them first: software deploy start."),
           *(_major(facts, limits) if is_major else ())]
    names = {check.name for check in own}
    return Report((*(check for check in health.checks if check.name not in names), *own),
                  tuple(part for part in health.absent if part != SELF))


def _major(facts: Facts, limits: Limits) -> Sequence[Check]:
    checks = [Check("The new release can be reached from the running one", facts.running in facts.supported_from,
                    f"It can be reached from {', '.join(facts.supported_from) or 'no release'}, not from "
                    f"{facts.running}.")]
    for name, free, needed in (("containers", facts.containers_free_gib, limits.containers_free_gib),
                               ("system root", facts.system_free_gib, limits.system_free_gib)):
        if needed and free is not None:
            checks.append(Check(f"At least {needed} GiB are free for the {name}", free >= needed,
                                f"{free} GiB are free.", "Enlarge the file system: system controllerfs-modify."))
    return checks
