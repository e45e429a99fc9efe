# SPDX-License-Identifier: Apache-2.0
"""Enumerations of fm with StarlingX's wire values and their numbers."""
from __future__ import annotations

import enum


class AlarmState(enum.StrEnum):
    """The change that a fault record requests, or the change that an event records."""

    CLEAR = "clear"
    SET = "set"
    MSG = "msg"
    LOG = "log"


class Severity(enum.StrEnum):
    """X.733 severities; ``clear`` is stored and shown as ``not-applicable``."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"
    CLEAR = "clear"
    NOT_APPLICABLE = "not-applicable"


SEVERITY_RANK = {"clear": 0, "not-applicable": 0, "warning": 1, "minor": 2, "major": 3, "critical": 4, "none": 5}
"""Order of severities and thresholds; the threshold ``none`` is above every severity."""

ALARM_SEVERITIES = frozenset((Severity.CRITICAL, Severity.MAJOR, Severity.MINOR, Severity.WARNING))


class AlarmType(enum.StrEnum):
    """X.733 event types; the SNMP number is the 0-based position in this class."""

    OTHER = "other"
    COMMUNICATION = "communication"
    QOS = "qos"
    PROCESSING_ERROR = "processing-error"
    EQUIPMENT = "equipment"
    ENVIRONMENTAL = "environmental"
    INTEGRITY_VIOLATION = "integrity-violation"
    OPERATIONAL_VIOLATION = "operational-violation"
    PHYSICAL_VIOLATION = "physical-violation"
    SECURITY = "security-service-or-mechanism-violation"
    TIME_DOMAIN_VIOLATION = "time-domain-violation"
    DEPLOYMENT_IN_PROGRESS = "deployment in progress"


class SuppressionStatus(enum.StrEnum):
    """Whether the operator suppresses an alarm id."""

    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"


class CloudStatus(enum.StrEnum):
    """Health of the whole cloud, derived from its alarm counts."""

    OK = "OK"
    DEGRADED = "degraded"
    CRITICAL = "critical"


def reaches(severity: str, threshold: str) -> bool:
    """True when ``severity`` is at or above ``threshold``. The threshold ``none`` is never reached, nor any text that
    is not a severity."""
    return SEVERITY_RANK.get(severity, 0) >= SEVERITY_RANK.get(threshold, SEVERITY_RANK["none"])
