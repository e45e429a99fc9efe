# SPDX-License-Identifier: Apache-2.0
"""Which active alarms stop a strategy."""
from __future__ import annotations

from collections.abc import Iterable

from patching.core.strategy.parameters import AlarmRestrictions, Kind
from patching.core.strategy.picture import Alarm

IGNORED = {
    Kind.PATCH: frozenset(("200.001", "280.002", "700.004", "900.001", "900.005", "900.101")),
    Kind.DEPLOY: frozenset((
        "100.119", "200.001", "200.003", "250.001", "280.001", "280.002", "280.003", "280.004", "280.005", "700.004",
        "750.006", "900.004", "900.005", "900.007", "900.020", "900.021", "900.022", "900.023", "900.201", "900.202",
        "900.231", "900.401", "900.402", "900.701")),
}
"""Alarms that the work itself causes."""


def blocking(alarms: Iterable[Alarm], kind: Kind, restrictions: AlarmRestrictions) -> tuple[Alarm, ...]:
    """The alarms that stop a strategy of this kind."""
    if restrictions is AlarmRestrictions.PERMISSIVE:
        return ()
    return tuple(alarm for alarm in alarms if alarm.id not in IGNORED[kind]
                 and (alarm.affects_management or restrictions is AlarmRestrictions.STRICT))
