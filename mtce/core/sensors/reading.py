# SPDX-License-Identifier: Apache-2.0
"""What one reading changes in a model: debounce, missing sensors, failed readings."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mtce.core.sensors.model import Model, Sensor, State
from mtce.core.sensors.samples import Sample, Severity

MISSING_MAX = 3
FAILURES_MIN = 2
"""Failed readings in a row after which the sensors count as unreadable; one may be a BMC that is busy."""
RETRIES_MAX = 10
RETRY_S = 60
POWERED_OFF_RETRY_S = 120


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a sensor for the conductor's log: a reading that was seen once, or readings that alternate."""

    sensor: str
    text: str


def read(model: Model, samples: Iterable[Sample]) -> tuple[Model, tuple[Note, ...]]:
    """Return the model after a reading (``merged``) that succeeded. Sensors that it did not have are not added."""
    found = {sample.name: sample for sample in samples}
    notes: list[Note] = []
    sensors = tuple(_seen(sensor, found[sensor.name], notes) if sensor.name in found else _missed(sensor)
                    for sensor in model.sensors)
    return replace(model, sensors=sensors, failures=0), tuple(notes)


def failed(model: Model) -> Model:
    """Return the model after a reading that failed. Severities stay: nothing is known that would change them."""
    return replace(model, failures=model.failures + 1)


def is_unreadable(model: Model) -> bool:
    """Whether the BMC's sensors count as unreadable."""
    return model.failures >= FAILURES_MIN


def pause_s(model: Model) -> int:
    """Return the pause before the next reading, in seconds; short for the first failures."""
    return RETRY_S if 0 < model.failures <= RETRIES_MAX else model.interval_s


def _seen(sensor: Sensor, sample: Sample, notes: list[Note]) -> Sensor:
    severity = sample.severity
    sensor = replace(sensor, value=sample.value, missing=0, thresholds=sample.thresholds,
                     state=State.OFFLINE if severity is Severity.OFFLINE else State.ENABLED)
    if sensor.acted is None or severity is sensor.pending:
        return replace(sensor, acted=severity, pending=None, one_offs=0)
    if severity is not sensor.acted:
        return replace(sensor, pending=severity)
    if sensor.pending is None:
        return replace(sensor, one_offs=0)
    word = "transient" if sensor.one_offs == 0 else "flapping"
    # Of readings that go on alternating only the first two are logged.
    if sensor.one_offs < 2:  # noqa: PLR2004
        notes.append(Note(sensor.name, f"{word}: {sensor.pending} once, {severity} again"))
    return replace(sensor, pending=None, one_offs=sensor.one_offs + 1)


def _missed(sensor: Sensor) -> Sensor:
    missing = sensor.missing + 1
    changed = replace(sensor, missing=missing, state=State.OFFLINE, value=None, pending=None)
    return replace(changed, acted=Severity.MINOR) if missing >= MISSING_MAX else changed
