# SPDX-License-Identifier: Apache-2.0
"""Limits of numbers and texts that hosts and other daemons send: what is out of range is refused, never stored."""
from __future__ import annotations

import ipaddress
import re

from mtce.contract.records import CLAIMS_MAX, STATE_SEQUENCE_MAX, AddressClaim, ClaimReport, CommandResult, MtcAlive

UPTIME_MAX_S = 2**31 - 1
ALIVE_SEQUENCE_MAX = 2**53 - 1
"""Agents count by one from their start; every JSON reader takes numbers up to this one exactly."""
ID_MAX = 64
NAME_MAX = 255
TEST_NAME_MAX = 1024
DETAIL_MAX = 4096
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def following(ours: int, theirs: int) -> int:
    """Return the higher of two numbers of states; a number out of range does not count, and 0 stands for none."""
    return max((number for number in (ours, theirs) if 0 <= number <= STATE_SEQUENCE_MAX), default=0)


def alive_refusal(alive: MtcAlive) -> str | None:
    """Return the rule that an mtcAlive breaks; None when it breaks none."""
    return (_number("sequence", alive.sequence, ALIVE_SEQUENCE_MAX)
            or _number("uptime_s", alive.uptime_s, UPTIME_MAX_S)
            or _text("boot_id", alive.boot_id, ID_MAX, 1)
            or _text("goenabled_failed", alive.goenabled_failed or "", TEST_NAME_MAX))


def result_refusal(result: CommandResult) -> str | None:
    """Return the rule that the result of a command breaks; None when it breaks none."""
    return (_text("boot_id", result.boot_id, ID_MAX) or _text("command", result.command, ID_MAX)
            or _text("request_id", result.request_id, NAME_MAX) or _text("detail", result.detail, DETAIL_MAX))


def claims_refusal(report: ClaimReport) -> str | None:
    """Return the rule that a report of claims breaks; None when it breaks none."""
    if len(report.claims) > CLAIMS_MAX:
        return f"claims must be at most {CLAIMS_MAX}"
    return next((broken for broken in map(_claim, report.claims) if broken), None)


def _claim(claim: AddressClaim) -> str | None:
    if not _MAC.fullmatch(claim.mac):
        return "mac must be six bytes in hexadecimal, such as 02:00:00:00:00:01"
    try:
        usual = str(ipaddress.ip_address(claim.address))
    except ValueError:
        return "address must be an address of IPv4 or IPv6"
    return None if usual == claim.address else "address must be in its usual form"


def _number(field: str, value: int, highest: int) -> str | None:
    return None if 0 <= value <= highest else f"{field} must be from 0 to {highest}"


def _text(field: str, value: str, longest: int, shortest: int = 0) -> str | None:
    if shortest <= len(value) <= longest:
        return None
    return f"{field} must have {shortest} to {longest} characters"
