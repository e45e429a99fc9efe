# SPDX-License-Identifier: Apache-2.0
"""Reads the output of ``ipmitool sensor list``: one line of ten columns per sensor."""
from __future__ import annotations

from mtce.core.sensors.samples import Sample, Thresholds, number

COLUMNS = 10
LINE_MAX = 512


def parse(output: str) -> list[Sample]:
    """Return a sample per analog sensor; ignores discrete ones and lines that are no sensor.

    A sensor that gives no reading has no unit there either (``na`` and an empty column): its unit is empty.
    """
    found = []
    for line in output.splitlines():
        # A name may contain the separator; the nine columns after it do not.
        words = [word.strip() for word in line[:LINE_MAX].rstrip().removesuffix("|").rsplit("|", COLUMNS - 1)]
        if len(words) != COLUMNS or words[2].lower() == "discrete":
            continue
        name, value, unit, status = words[:4]
        found.append(Sample(name, unit, status or "na", number(value), Thresholds(*map(number, words[4:]))))
    return found
