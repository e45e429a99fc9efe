# SPDX-License-Identifier: Apache-2.0
"""Builds the stages of a strategy from the picture of the system."""
from __future__ import annotations

from patching.core.strategy import blockers, grouping, stages
from patching.core.strategy.model import Phase, PhaseName, Stage, Step, StepName
from patching.core.strategy.parameters import ApplyType, Parameters
from patching.core.strategy.picture import Picture, PlannedHost


def query_phase(parameters: Parameters) -> Phase:
    """The phase in which the system is looked at, before anything is planned."""
    steps = (Step(StepName.QUERY_ALARMS), Step(StepName.QUERY_UPGRADE), Step(StepName.PRECHECK))
    return Phase(PhaseName.BUILD, (Stage(f"{parameters.kind}-query", steps),), stop_at=1)


def apply_phase(parameters: Parameters, picture: Picture) -> tuple[Phase, list[str]]:
    """The phase to be applied, and why it cannot be: a phase without stages has a reason."""
    reasons = blockers.reasons(parameters, picture)
    if reasons:
        return Phase(PhaseName.APPLY), reasons
    if parameters.cleanup:
        made = stages.clean_up() if picture.deploy_state else []
    elif parameters.rollback:
        made = _back(parameters, picture)
    else:
        made = _forth(parameters, picture)
    return Phase(PhaseName.APPLY, tuple(made), stop_at=len(made)), [] if made else ["there is nothing to do"]


def _forth(parameters: Parameters, picture: Picture) -> list[Stage]:
    if picture.deploy_state == "completed":
        return stages.clean_up() if parameters.delete else []
    hosts = _host_stages(parameters, picture, [host for host in picture.hosts if not host.is_deployed])
    in_service = bool(hosts) and not picture.reboot_required
    return [*stages.begin(parameters, picture), *hosts, *stages.end(parameters, picture, in_service)]


def _back(parameters: Parameters, picture: Picture) -> list[Stage]:
    """Backwards, on the hosts that have something to give back."""
    if not picture.deploy_state:
        return []
    going_back = picture.deploy_state.startswith(("activate-rollback", "host-rollback"))
    hosts = [host for host in picture.hosts if host.is_deployed]
    return [*([] if going_back else stages.rollback_begin(parameters, picture)),
            *reversed(_host_stages(parameters, picture, hosts)), *stages.rollback_end(parameters)]


def _host_stages(parameters: Parameters, picture: Picture, hosts: list[PlannedHost]) -> list[Stage]:
    """Controllers, storage hosts, workers."""
    by_id = sorted(hosts, key=lambda host: host.id)
    by_name = {host.hostname: host for host in hosts}
    found: list[Stage] = []
    chosen = _controllers(parameters, picture, by_id)
    found += [stages.controllers(parameters, picture, host) for host in chosen if not host.is_aio]
    if parameters.storage is not ApplyType.IGNORE:
        # A major release has one order for storage hosts.
        apply = ApplyType.SERIAL if picture.is_major else parameters.storage
        found += [stages.storage(parameters, picture, names) for names in grouping.storage(
            [host for host in by_id if host.personality == "storage"], apply)]
    of_workers = [host for host in chosen if host.is_aio]
    if parameters.workers is not ApplyType.IGNORE:
        of_workers += [host for host in by_id if host.personality == "worker"]
    found += [stages.workers(parameters, picture, tuple(by_name[name] for name in names))
              for names in grouping.workers(picture, of_workers, parameters.workers, parameters.max_parallel)]
    return found


def _controllers(parameters: Parameters, picture: Picture, hosts: list[PlannedHost]) -> list[PlannedHost]:
    """In their order: for a major release the one that was added last; else the active one last."""
    if parameters.controllers is ApplyType.IGNORE:
        return []
    found = [host for host in hosts if host.personality == "controller"]
    if picture.is_major:
        return found[::-1]
    return sorted(found, key=lambda host: host.is_active)
