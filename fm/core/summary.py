# SPDX-License-Identifier: Apache-2.0
"""Counts of active alarms and the status of the cloud that follows from them."""
from __future__ import annotations

from collections.abc import Mapping

from fm.contract.enums import CloudStatus, Severity


def cloud_status(critical: int, major: int, minor: int) -> CloudStatus:
    """``critical`` with any critical alarm, ``degraded`` with any major or minor one; warnings alone are ``OK``."""
    if critical > 0:
        return CloudStatus.CRITICAL
    return CloudStatus.DEGRADED if major + minor > 0 else CloudStatus.OK


def summary(counts: Mapping[str, int]) -> dict[str, int | str]:
    """The wire object of the summary from counts per severity."""
    critical, major, minor = (counts.get(name, 0) for name in (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR))
    return {"critical": critical, "major": major, "minor": minor, "warnings": counts.get(Severity.WARNING, 0),
            "status": str(cloud_status(critical, major, minor))}
