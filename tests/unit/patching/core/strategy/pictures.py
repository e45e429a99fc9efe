# SPDX-License-Identifier: Apache-2.0
"""Pictures of the systems of the acceptance scenarios."""
from __future__ import annotations

from typing import Any

from patching.core.strategy.parameters import Kind, Parameters, parse
from patching.core.strategy.picture import Picture, PlannedHost
from tests.unit.patching.core.systems import PERSONALITY, SYSTEMS

BODY = {"controller-apply-type": "serial", "storage-apply-type": "serial", "worker-apply-type": "serial",
        "default-instance-action": "stop-start", "release": ["starlingx-10.0.1"]}


def a_picture(kind: str, hosts: dict[str, dict[str, Any]] | None = None, **fields: Any) -> Picture:
    made = []
    for number, name in enumerate(SYSTEMS[kind], 1):
        values = {"is_aio": kind in ("SX", "DX"), "is_active": name == "controller-0", **(hosts or {}).get(name, {})}
        made.append(PlannedHost(number, name, PERSONALITY[name.partition("-")[0]], **values))
    return Picture(tuple(made), **fields)


def asked(kind: Kind = Kind.DEPLOY, **fields: Any) -> Parameters:
    return parse(kind, {**BODY, **{name.replace("_", "-"): value for name, value in fields.items()}})
