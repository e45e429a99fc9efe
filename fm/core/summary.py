# SPDX-License-Identifier: Apache-2.0
"""Counts of active alarms and the status of the cloud that follows from them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from fm.contract.enums import CloudStatus, Severity


def cloud_status(critical: int, major: int, minor: int) -> CloudStatus:
    """``critical`` with any critical alarm, ``degraded`` with any major or minor one; warnings alone are ``OK``."""
    if critical > 0:
        return CloudStatus.CRITICAL
    return CloudStatus.DEGRADED if major + minor > 0 else CloudStatus.OK


def summary(counts: Mapping[str, int]) -> dict[str, int | str]:
    """The summary in wire form from ``counts`` per severity."""
    critical, major, minor = (counts.get(name, 0) for name in (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR))
    return {"critical": critical, "major": major, "minor": minor, "warnings": counts.get(Severity.WARNING, 0),
            "status": str(cloud_status(critical, major, minor))}


def parts(name: str, counts: Iterable[tuple[str | None, str, int]]) -> list[dict[str, int | str | None]]:
    """One summary for each part in ``counts`` of (part, severity, number), sorted by part; part None comes last."""
    found: dict[str | None, dict[str, int]] = {}
    for part, severity, number in counts:
        of_part = found.setdefault(part, {})
        of_part[severity] = of_part.get(severity, 0) + number
    order = sorted(found, key=lambda part: (part is None, part or ""))
    return [{name: part, **summary(found[part])} for part in order]
