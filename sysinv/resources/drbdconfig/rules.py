# SPDX-License-Identifier: Apache-2.0
"""Rules of DRBD's settings."""
from __future__ import annotations

from typing import ClassVar

from flock.core.errors import Refused

LINK_UTIL_MIN, LINK_UTIL_MAX = 5, 80
NUM_PARALLEL = 1
RTT_MIN_MS, RTT_MAX_MS = 0.2, 20.0


class DrbdRefused(Refused):
    """A rule about DRBD's settings refuses a change."""

    code: ClassVar[str] = "sysinv.drbdconfig.refused"


def check(*, secure: bool | None) -> None:
    """Raise DrbdRefused for a wish to send the platform directory in clear text."""
    if secure is False:
        raise DrbdRefused(detail="secure: the mirror of the platform directory is always encrypted; it can not be "
                                 "switched off.")
