# SPDX-License-Identifier: Apache-2.0
"""Makes the picture from which a strategy is built of what was seen of the system. Pure."""
from __future__ import annotations

from patching.contract.errors import SoftwareRefused
from patching.contract.states import DeployState, HostState, ReleaseState
from patching.core import requirements
from patching.core.strategy.parameters import Parameters
from patching.core.strategy.picture import Picture, PlannedHost
from patching.core.strategy.work.seen import Seen, SeenHost, SeenSoftware

_ACTIVATED = (DeployState.ACTIVATE, DeployState.ACTIVATE_DONE, DeployState.ACTIVATE_FAILED, DeployState.COMPLETED,
              DeployState.ACTIVATE_ROLLBACK_PENDING, DeployState.ACTIVATE_ROLLBACK,
              DeployState.ACTIVATE_ROLLBACK_FAILED)
_UNTOUCHED = (HostState.PENDING, HostState.ROLLBACK_DEPLOYED)


def picture(seen: Seen, parameters: Parameters) -> Picture:
    """The system as a strategy with these parameters must see it."""
    software = seen.software
    reboot_required, is_major = _kind(software, parameters)
    return Picture(
        hosts=tuple(_planned(host, software, parameters) for host in seen.hosts.values()),
        instances=tuple(seen.instances.values()), aggregates=seen.aggregates, alarms=seen.alarms,
        deploy_state=software.state.value if software.state is not None else "",
        was_activated=software.state in _ACTIVATED, reboot_required=reboot_required, is_major=is_major)


def _planned(host: SeenHost, software: SeenSoftware, parameters: Parameters) -> PlannedHost:
    state = software.host(host.hostname)
    if parameters.rollback:
        has_new = state is not None and state not in _UNTOUCHED
    else:
        # A host that was added since the deployment began has no part in it.
        is_outside = state is None and bool(software.rows)
        # A host that was left locked is treated again, so that it comes back into service.
        has_new = is_outside or state is HostState.DEPLOYED and host.administrative == "unlocked"
    return PlannedHost(
        host.id, host.hostname, host.personality, is_aio=host.is_aio, is_active=host.is_active, is_deployed=has_new,
        administrative=host.administrative, operational=host.operational, availability=host.availability,
        replication_group=host.replication_group)


def _kind(software: SeenSoftware, parameters: Parameters) -> tuple[bool, bool]:
    """Whether hosts must reboot, and whether the major release changes; as the start of the deployment decides it."""
    if software.deploy is not None:
        return software.deploy.reboot_required, software.deploy.is_major
    asked = [software.releases[name] for name in parameters.releases if name in software.releases]
    is_major = any(not release.version.same_major(software.running) for release in asked)
    moved: set[str] = set()
    for release in asked:
        try:
            apply = release.state is ReleaseState.AVAILABLE
            moved.update((requirements.to_apply if apply else requirements.to_remove)(software.releases, release))
        except SoftwareRefused:
            # The start is refused with this reason.
            moved.add(release.id)
    return is_major or any(software.releases[name].reboot_required for name in moved), is_major
