# SPDX-License-Identifier: Apache-2.0
"""Whether a system is fit for a deployment: one check per line, with what to do about each that fails.

A part that the cloud does not have is not checked, and that is said.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from patching.core.model import Host


@dataclass(frozen=True, slots=True)
class Limits:
    """What a major release needs, in GiB; 0: nothing."""

    containers_free_gib: int = 40
    system_free_gib: int = 40


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An active alarm."""

    id: str
    entity: str
    affects_management: bool = True
    is_certificate_expiry: bool = False


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """What is wrong with the cluster: names of nodes and pods that are not ready."""

    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    upgrade: str = ""
    is_version_supported: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """The system before a deployment. None: the cloud has no such part.

    ``unprovisioned``, ``outdated_configuration``, ``outdated_software``: names of hosts. ``unmet``: required releases
    that are not deployed. ``supported_from``: versions from which the target can be reached; () for a patch.
    """

    hosts: tuple[Host, ...]
    running: str
    active: str = "controller-0"
    unprovisioned: tuple[str, ...] = ()
    outdated_configuration: tuple[str, ...] = ()
    outdated_software: tuple[str, ...] = ()
    alarms: tuple[ActiveAlarm, ...] = ()
    unmet: tuple[str, ...] = ()
    storage_healthy: bool | None = None
    kubernetes: Kubernetes | None = None
    supported_from: tuple[str, ...] = ()
    containers_free_gib: int | None = None
    system_free_gib: int | None = None
    certificates_missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One line. ``detail``: what is wrong; ``advice``: what to do."""

    name: str
    ok: bool
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, and the parts that were not checked because the cloud has none."""

    checks: tuple[Check, ...]
    absent: tuple[str, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether no check failed."""
        return all(check.ok for check in self.checks)

    @property
    def text(self) -> str:
        """For people: a line for each check, its detail and advice below it."""
        lines = ["System Health:"]
        for check in self.checks:
            lines.append(f"{check.name}: [{'OK' if check.ok else 'Fail'}]")
            lines += [line for line in (check.detail, check.advice) if line and not check.ok]
        if self.absent:
            lines.append(f"Not checked, since this cloud has none: {', '.join(self.absent)}")
        return "\n".join(lines) + "\n"


def report(facts: Facts, *, is_major: bool, relaxed: bool, ignored: Iterable[str] = (),
           limits: Limits = Limits()) -> Report:  # noqa: B008 - frozen
    """Check everything. ``relaxed``: alarms that do not affect management do not count. ``ignored``: ids of alarms."""
    checks = [*_hosts(facts), _alarms(facts.alarms, relaxed, frozenset(ignored)),
              _names("All required releases are deployed", facts.unmet, "Required releases",
                     "Deploy them first: software deploy start.")]
    absent = []
    if facts.storage_healthy is None:
        absent.append("storage cluster")
    else:
        checks.append(Check("Ceph Storage Healthy", facts.storage_healthy, "The cluster is not healthy.",
                            "See 'ceph -s'."))
    if facts.kubernetes is None:
        absent.append("Kubernetes")
    else:
        checks += _kubernetes(facts.kubernetes, is_major)
    if is_major:
        checks += _major(facts, limits)
    return Report(tuple(checks), tuple(absent))


def _hosts(facts: Facts) -> list[Check]:
    idle = [host.hostname for host in facts.hosts if not host.is_in_service]
    return [
        _names("All hosts are provisioned", facts.unprovisioned, "Unprovisioned hosts", "Provision or delete them."),
        _names("All hosts are unlocked/enabled", idle, "Locked or disabled hosts", "Unlock them: system host-unlock."),
        _names("All hosts have current configurations", facts.outdated_configuration,
               "Hosts with out of date configurations", "Lock and unlock them."),
        _names("All hosts are patch current", facts.outdated_software, "Hosts with other software",
               "See 'software deploy host-list', or lock and unlock them.")]


def _alarms(alarms: Iterable[ActiveAlarm], relaxed: bool, ignored: frozenset[str]) -> Check:
    found = [alarm for alarm in alarms if alarm.id not in ignored]
    affecting = [alarm for alarm in found if alarm.affects_management]
    expiring = [alarm for alarm in found if alarm.is_certificate_expiry]
    counting = affecting if relaxed else found
    return Check("No alarms", not counting,
                 f"[{len(found)}] alarms found, [{len(affecting)}] of which are management affecting and "
                 f"[{len(expiring)}] are certificate expiration alarms. Use \"fm alarm-list\" for details",
                 "" if affecting else "None affects management: force lets a patch be deployed in spite of them.")


def _kubernetes(found: Kubernetes, is_major: bool) -> list[Check]:
    checks = [
        _names("All kubernetes nodes are ready", found.nodes, "Kubernetes nodes not ready", "See 'kubectl get nodes'."),
        _names("All kubernetes control plane pods are ready", found.pods, "Pods not ready",
               "See 'kubectl -n kube-system get pods'."),
        Check("No kubernetes upgrade is in progress", not found.upgrade, f"The upgrade is {found.upgrade}.",
              "Complete it first.")]
    if is_major:
        checks.append(Check("Active kubernetes version is supported by the new release", found.is_version_supported,
                            "The new release does not support it.", "Upgrade Kubernetes first."))
    return checks


def _major(facts: Facts, limits: Limits) -> list[Check]:
    controllers = sorted((host for host in facts.hosts if host.personality == "controller"), key=lambda host: host.id)
    first = controllers[0].hostname if controllers else "controller-0"
    checks = [
        Check(f"Active controller is {first}", facts.active == first, f"The active controller is {facts.active}.",
              f"Swact: system host-swact {facts.active}."),
        Check("The new release can be reached from the running one", facts.running in facts.supported_from,
              f"It can be reached from {', '.join(facts.supported_from) or 'no release'}, not from {facts.running}."),
        _names("Platform Issuer and expected certificates are healthy", facts.certificates_missing,
               "Missing certificates", "Create them: system certificate-install.")]
    for name, free, needed in (("containers", facts.containers_free_gib, limits.containers_free_gib),
                               ("system root", facts.system_free_gib, limits.system_free_gib)):
        if needed and free is not None:
            checks.append(Check(f"At least {needed} GiB are free for the {name}", free >= needed,
                                f"{free} GiB are free.", "Enlarge the file system: system controllerfs-modify."))
    return checks


def _names(name: str, wrong: Iterable[str], title: str, advice: str) -> Check:
    found = sorted(wrong)
    return Check(name, not found, f"{title}: {', '.join(found)}", advice)
