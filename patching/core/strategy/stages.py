# SPDX-License-Identifier: Apache-2.0
"""The stages of a strategy: which steps treat a group of hosts, and what begins and ends the whole."""
from __future__ import annotations

from collections.abc import Iterable

from patching.core.strategy.model import INVERSE, Result, Stage, Step, StepName
from patching.core.strategy.parameters import InstanceAction, Kind, Parameters
from patching.core.strategy.picture import Picture, PlannedHost

BEFORE_UNLOCK_S, AFTER_IN_SERVICE_S = 15, 30
S = StepName


def begin(parameters: Parameters, picture: Picture) -> list[Stage]:
    """The begin of the deployment; none where there is one already."""
    if picture.deploy_state:
        return []
    steps = [Step(S.START), Step(S.QUERY_ALARMS)]
    if picture.is_major and not picture.is_simplex:
        steps.insert(0, Step(S.SWACT, _not_first(picture)))
    return [_stage(parameters, "start", steps, is_abortable=False)]


def end(parameters: Parameters, picture: Picture, was_in_service: bool) -> list[Stage]:
    """Activation and completion, and the end of the deployment where that was asked for."""
    steps = [Step(S.STABILIZE, timeout_s=BEFORE_UNLOCK_S)] if was_in_service else []
    if picture.is_major and not picture.is_simplex:
        steps.append(Step(S.SWACT, _not_first(picture)))
    steps += [Step(S.QUERY_ALARMS), Step(S.ACTIVATE), Step(S.COMPLETE), Step(S.QUERY_ALARMS)]
    made = [_stage(parameters, "complete", steps)]
    return [*made, *clean_up()] if parameters.delete else made


def clean_up() -> list[Stage]:
    """The end of a deployment that was completed or rolled back."""
    return [Stage("sw-deploy-delete", (Step(S.DELETE),))]


def rollback_begin(parameters: Parameters, picture: Picture) -> list[Stage]:
    """The way back begins: activation is taken back where there was one."""
    steps = [Step(S.QUERY_ALARMS), Step(S.ABORT_DEPLOY)]
    if picture.was_activated:
        steps.append(Step(S.ACTIVATE_ROLLBACK))
    return [_stage(parameters, "rollback-start", steps, is_abortable=False)]


def rollback_end(parameters: Parameters) -> list[Stage]:
    """The way back ends."""
    return [_stage(parameters, "rollback-complete", [Step(S.QUERY_ALARMS), Step(S.DELETE)])]


def controllers(parameters: Parameters, picture: Picture, host: PlannedHost) -> Stage:
    """One controller that is no worker."""
    name, action = (host.hostname,), _action(parameters, (host.hostname,))
    if not picture.reboot_required:
        return _stage(parameters, "controllers", _in_service(parameters, action))
    steps = [Step(S.QUERY_ALARMS), Step(S.SWACT, name), Step(S.LOCK, name), action,
             Step(S.STABILIZE, timeout_s=BEFORE_UNLOCK_S), Step(S.UNLOCK, name), Step(S.WAIT_ALARMS_CLEAR)]
    return _stage(parameters, "controllers", steps, is_abortable=False)


def storage(parameters: Parameters, picture: Picture, names: tuple[str, ...]) -> Stage:
    """A group of storage hosts."""
    action = _action(parameters, names)
    if not picture.reboot_required:
        return _stage(parameters, "storage-hosts", _in_service(parameters, action))
    return _stage(parameters, "storage-hosts", [
        Step(S.QUERY_ALARMS), Step(S.LOCK, names), action, Step(S.STABILIZE, timeout_s=BEFORE_UNLOCK_S),
        Step(S.UNLOCK, names), Step(S.WAIT_DATA_SYNC, names)])


def workers(parameters: Parameters, picture: Picture, hosts: tuple[PlannedHost, ...]) -> Stage:
    """A group of workers, or one controller that is a worker too."""
    names = tuple(host.hostname for host in hosts)
    action = _action(parameters, names)
    if not picture.reboot_required:
        return _stage(parameters, "worker-hosts", _in_service(parameters, action))
    has_controller = any(host.personality == "controller" for host in hosts)
    unlocked = tuple(host.hostname for host in hosts if not host.is_locked)
    locked = tuple(host.hostname for host in hosts if host.is_locked)
    steps = [Step(S.QUERY_ALARMS)]
    if has_controller and not picture.is_simplex:
        steps.append(Step(S.SWACT, names))
    before, after = _instances(parameters, picture, unlocked)
    steps += before
    steps += [Step(S.LOCK, unlocked)] if unlocked else []
    steps += [action, Step(S.STABILIZE, timeout_s=BEFORE_UNLOCK_S)]
    steps += [Step(S.UNLOCK, unlocked)] if unlocked else []
    steps += [Step(S.REBOOT, locked)] if locked else []
    return _stage(parameters, "worker-hosts", [*steps, *after, Step(S.WAIT_ALARMS_CLEAR)],
                  is_abortable=not has_controller)


def inverse(steps: Iterable[Step]) -> tuple[Step, ...]:
    """What takes back the steps that were begun, last first. Services of a host are enabled once."""
    found: list[Step] = []
    for step in tuple(steps)[::-1]:
        if step.begun_ms and step.name in INVERSE and step.result is not Result.INITIAL:
            back = Step(INVERSE[step.name], step.entities)
            if found and found[-1].name is back.name:
                found[-1] = Step(back.name, tuple(dict.fromkeys((*back.entities, *found[-1].entities))))
            else:
                found.append(back)
    return tuple(found)


def _instances(parameters: Parameters, picture: Picture, names: tuple[str, ...]) -> tuple[list[Step], list[Step]]:
    """What moves or stops instances before the hosts reboot, and what brings them back."""
    instances = tuple(one.id for name in names for one in picture.instances_of(name) if one.can_stop)
    if parameters.instance_action is InstanceAction.STOP_START:
        return ([Step(S.STOP_INSTANCES, instances)], [Step(S.START_INSTANCES, instances)]) if instances else ([], [])
    with_instances = tuple(name for name in names if picture.instances_of(name))
    if not with_instances:
        return [], []
    # Several hosts at once must not receive each other's instances.
    away = [Step(S.DISABLE_SERVICES, names)] if len(names) > 1 else []
    return [*away, Step(S.MIGRATE, with_instances)], []


def _in_service(parameters: Parameters, action: Step) -> list[Step]:
    settle = [Step(S.STABILIZE, timeout_s=AFTER_IN_SERVICE_S)] if parameters.kind is Kind.PATCH else []
    return [Step(S.QUERY_ALARMS), action, *settle]


def _action(parameters: Parameters, names: tuple[str, ...]) -> Step:
    return Step(S.PATCH_HOSTS if parameters.kind is Kind.PATCH else S.DEPLOY_HOSTS, names)


def _not_first(picture: Picture) -> tuple[str, ...]:
    """The controllers that must not be active when a major release begins and ends."""
    found = sorted((host for host in picture.hosts if host.personality == "controller"), key=lambda host: host.id)
    return tuple(host.hostname for host in found[1:])


def _stage(parameters: Parameters, name: str, steps: Iterable[Step], is_abortable: bool = True) -> Stage:
    return Stage(f"{parameters.kind}-{name}", tuple(steps), is_abortable)
