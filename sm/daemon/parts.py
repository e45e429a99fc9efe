# SPDX-License-Identifier: Apache-2.0
"""Which parts of replicated data a catalogue has, and who looks at each."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from sm.contract.states import PluginKind
from sm.core.model import ActionSpec, Catalogue, ServiceSpec
from sm.daemon.guard import DataGuard, Guard, NoData, Part, Unproven
from sm.mirror import part as mirror
from sm.postgres import part as postgres

Maker = Callable[[ServiceSpec, str, frozenset[str]], Part]
"""Makes the part of a service: the service, the name of this node, those of the others."""
MAKERS: Mapping[str, Maker] = {"sm-mirror": mirror.make, "sm-postgres": postgres.make}
"""By the name of the program that starts and stops the service."""
REPLICATED = frozenset({(PluginKind.OCF, "drbd"), (PluginKind.EXEC, "sm-postgres"), (PluginKind.EXEC, "sm-mirror")})
"""Plug-ins and programs of services with replicated data."""


def guard_for(catalogue: Catalogue, me: str, nodes: tuple[str, ...], path: Path,
              makers: Mapping[str, Maker] = MAKERS) -> DataGuard:
    """The guard that a catalogue needs on the node ``me``. ``path``: the guard's file."""
    others, names = frozenset(nodes) - {me}, replicated(catalogue)
    if not names or not others:
        return NoData(nodes)
    return Guard([_part(catalogue.services[name], me, others, makers) for name in names], path, others)


def replicated(catalogue: Catalogue) -> tuple[str, ...]:
    """The services with replicated data, by name."""
    return tuple(sorted(name for name, spec in catalogue.services.items() if _programs(spec)))


def _part(spec: ServiceSpec, me: str, others: frozenset[str], makers: Mapping[str, Maker]) -> Part:
    made = next((makers[name] for name in sorted(_programs(spec)) if name in makers), None)
    return Unproven(spec.name) if made is None else made(spec, me, others)


def _programs(spec: ServiceSpec) -> set[str]:
    """The names of the programs and agents of a service that replicate data."""
    return {_program(action) for action in spec.actions.values() if (action.plugin, _program(action)) in REPLICATED}


def _program(action: ActionSpec) -> str:
    return PurePosixPath(action.name).name
