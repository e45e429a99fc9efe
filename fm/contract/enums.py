# SPDX-License-Identifier: Apache-2.0
"""Fault management enumerations, with StarlingX's wire values."""
from __future__ import annotations

import enum


class AlarmState(enum.StrEnum):
    """What a fault record asks for, or what an event row says happened."""

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


class AlarmType(enum.StrEnum):
    """X.733 event types."""

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
    """Whether the operator hides an alarm id."""

    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
