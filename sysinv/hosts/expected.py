# SPDX-License-Identifier: Apache-2.0
"""Which machine may be installed as a controller now: root on the active controller says so, for a short time.

A controller that is installed gets all keys of the system, over a network on which firmware verifies nobody. So an
operator chooses the machine, and the minutes in which that can happen.
"""
from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_file
from sysinv.model.host import normal_mac

PLACE = Path("/run/flock-expected-controller.json")
"""Only root can write there, and it is gone after a boot, when the clock begins anew."""
MINUTES, MINUTES_MAX = 30, 24 * 60


def _boot_time_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def expect(mac: str, minutes: int = MINUTES, place: Path = PLACE, now_s: Callable[[], float] = _boot_time_s) -> None:
    """Let the machine with this MAC address on the pxeboot network become a controller, from now on for ``minutes``.

    Replaces an earlier permit. InvalidInput names the field.
    """
    usual = normal_mac(mac)
    if usual is None:
        raise InvalidInput(field="expect", rule=f"{mac!r} must be a MAC address such as 08:00:27:0a:0b:0c")
    if not 1 <= minutes <= MINUTES_MAX:
        raise InvalidInput(field="minutes", rule=f"{minutes} must be from 1 to {MINUTES_MAX}")
    permit = {"mac": usual, "until_s": now_s() + 60 * minutes}
    replace_file(place, json.dumps(permit).encode(), 0o600)


def is_expected(mac: str, place: Path = PLACE, now_s: Callable[[], float] = _boot_time_s) -> bool:
    """Whether a permit for this machine stands; a file that cannot be read is none."""
    try:
        permit = json.loads(place.read_text())
        return bool(permit["mac"] == normal_mac(mac) and now_s() < float(permit["until_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def end(place: Path = PLACE) -> None:
    """Take the permit back."""
    place.unlink(missing_ok=True)
