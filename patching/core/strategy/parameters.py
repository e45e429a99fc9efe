# SPDX-License-Identifier: Apache-2.0
"""What an operator may ask of a strategy, checked: names and bounds are those of the orchestration API."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flock.core.errors import InvalidInput
from patching.contract.version import split_release_id


class Kind(enum.StrEnum):
    """Kinds of strategies, as the API names them."""

    DEPLOY = "sw-upgrade"
    PATCH = "sw-patch"


class ApplyType(enum.StrEnum):
    """In which way hosts of one personality are treated."""

    SERIAL = "serial"
    PARALLEL = "parallel"
    IGNORE = "ignore"


class InstanceAction(enum.StrEnum):
    """What becomes of the instances of a host that reboots."""

    STOP_START = "stop-start"
    MIGRATE = "migrate"


class AlarmRestrictions(enum.StrEnum):
    """Which alarms stop a strategy: all; those that affect management; none."""

    STRICT = "strict"
    RELAXED = "relaxed"
    PERMISSIVE = "permissive"


Word = TypeVar("Word", bound=enum.StrEnum)
PARALLEL_MAX = {Kind.DEPLOY: 10, Kind.PATCH: 100}
FAILURES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Parameters:
    """One strategy as it was asked for. ``not_before_ms``: when its hosts may be touched, milliseconds since 1970; 0:
    at once. ``continue_on_failure``: how many hosts may fail before the rest is given up. ``release_as_text``: the
    release was given as a text, as older clients do, and is shown to them so."""

    kind: Kind = Kind.DEPLOY
    releases: tuple[str, ...] = ()
    controllers: ApplyType = ApplyType.SERIAL
    storage: ApplyType = ApplyType.SERIAL
    workers: ApplyType = ApplyType.SERIAL
    instance_action: InstanceAction = InstanceAction.STOP_START
    max_parallel: int = 2
    alarms: AlarmRestrictions = AlarmRestrictions.STRICT
    rollback: bool = False
    delete: bool = False
    cleanup: bool = False
    not_before_ms: int = 0
    continue_on_failure: int = 0
    release_as_text: bool = False


def parse(kind: Kind, body: Mapping[str, Any]) -> Parameters:
    """The parameters of a request's body; InvalidInput names the first field that breaks a rule."""
    for name in ("controller-apply-type", "storage-apply-type", "worker-apply-type", "default-instance-action"):
        if not body.get(name):
            raise InvalidInput(field=name, rule="must be given")
    for name in ("snapshot", "pre-upgrade-deploy", "kube-upgrade"):
        if body.get(name):
            raise InvalidInput(field=name, rule="is not supported by this system")
    made = Parameters(
        kind, _releases(body.get("release")), _word(body, "controller-apply-type", ApplyType),
        _word(body, "storage-apply-type", ApplyType), _word(body, "worker-apply-type", ApplyType),
        _word(body, "default-instance-action", InstanceAction),
        _number(body, "max-parallel-worker-hosts", 2, 2, PARALLEL_MAX[kind]),
        _word({"alarm-restrictions": "strict", **{name: value for name, value in body.items() if value}},
              "alarm-restrictions", AlarmRestrictions),
        _flag(body, "rollback"), _flag(body, "delete"), _flag(body, "cleanup"),
        _number(body, "not-before", 0, 0, 2**53), _number(body, "continue-on-failure", 0, 0, FAILURES_MAX),
        isinstance(body.get("release"), str))
    _together(made)
    return made


def _together(made: Parameters) -> None:
    if made.controllers is ApplyType.PARALLEL:
        raise InvalidInput(field="controller-apply-type", rule="must be serial or ignore: one controller must serve")
    if made.rollback and made.releases:
        raise InvalidInput(field="release", rule="must not be given with rollback, which knows where it goes")
    if made.rollback and made.delete:
        raise InvalidInput(field="delete", rule="must not be given with rollback, which deletes the deployment anyway")
    if made.cleanup and (made.rollback or made.delete or made.releases):
        raise InvalidInput(field="cleanup", rule="must not be given with release, rollback or delete")
    if not (made.releases or made.rollback or made.cleanup):
        raise InvalidInput(field="release", rule="must be given, or else rollback or cleanup")


def _releases(value: Any) -> tuple[str, ...]:
    found = ([value] if value else []) if isinstance(value, str) else value or []
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found) or len(found) > 100:
        raise InvalidInput(field="release", rule="must be a release id, or a list of at most 100")
    for name in found:
        try:
            split_release_id(name)
        except InvalidInput as error:
            raise InvalidInput(field="release", rule=error.params["rule"]) from None
    return tuple(found)


def _word(body: Mapping[str, Any], name: str, kind: type[Word]) -> Word:
    try:
        return kind(body[name])
    except ValueError:
        raise InvalidInput(field=name, rule=f"must be one of {', '.join(kind)}, not {body[name]!r:.80}") from None


def _number(body: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(field=name, rule=f"must be a number from {least} to {most}")
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value not in (None, True, False):
        raise InvalidInput(field=name, rule="must be true or false")
    return bool(value)
