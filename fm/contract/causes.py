# SPDX-License-Identifier: Apache-2.0
"""Probable causes of X.733 and StarlingX; a cause's number is its place in the list (1-based) and its SNMP value."""
from __future__ import annotations

NOT_APPLICABLE = "not-applicable"
UNKNOWN = "unknown"
SNMP_CAUSE_MAX = 74

NUMBERED_CAUSES = (
    "adaptor-error",
    "application-subsystem-failure",
    "bandwidth-reduced",
    "call-establishment-error",
    "communication-protocol-error",
    "communication-subsystem-failure",
    "configuration-or-customization-error",
    "congestion",
    "corrupt-data",
    "cpu-cycles-limit-exceeded",
    "dataset-or-modem-error",
    "degraded-signal",
    "dte-dce-interface-error",
    "enclosure-door-open",
    "equipment-malfunction",
    "excessive-vibration",
    "file-error",
    "fire-detected",
    "flood-detected",
    "framing-error",
    "heating-ventilation-cooling-system-problem",
    "humidity-unacceptable",
    "io-device-error",
    "input-device-error",
    "lan-error",
    "leak-detected",
    "local-node-transmission-error",
    "loss-of-frame",
    "loss-of-signal",
    "material-supply-exhausted",
    "multiplexer-problem",
    "out-of-memory",
    "output-device-error",
    "performance-degraded",
    "power-problem",
    "processor-problem",
    "pump-failure",
    "queue-size-exceeded",
    "receive-failure",
    "receiver-failure",
    "remote-node-transmission-error",
    "resource-at-or-nearing-capacity",
    "response-time-excessive",
    "retransmission-rate-excessive",
    "software-error",
    "software-program-abnormally-terminated",
    "software-program-error",
    "storage-capacity-problem",
    "temperature-unacceptable",
    "threshold-crossed",
    "timing-problem",
    "toxic-leak-detected",
    "transmit-failure",
    "transmitter-failure",
    "underlying-resource-unavailable",
    "version-mismatch",
    "duplicate-information",
    "information-missing",
    "information-modification-detected",
    "information-out-of-sequence",
    "unexpected-information",
    "denial-of-service",
    "out-of-service",
    "procedural-error",
    "unspecified-reason",
    "cable-tamper",
    "intrusion-detection",
    "authentication-failure",
    "breach-of-confidentiality",
    "non-repudiation-failure",
    "unauthorized-access-attempt",
    "delayed-information",
    "key-expired",
    "out-of-hours-activity",
    "configuration-out-of-date",
    "configuration-provisioning-required",
    "certificate-expiration",
)

PROBABLE_CAUSES = frozenset((*NUMBERED_CAUSES, UNKNOWN, NOT_APPLICABLE))


def snmp_cause(cause: str) -> int:
    """The number used in traps; 0 (not applicable) for causes that the MIB does not define."""
    number = _NUMBERS.get(cause, 0)
    return number if number <= SNMP_CAUSE_MAX else 0


_NUMBERS = {cause: number for number, cause in enumerate(NUMBERED_CAUSES, start=1)}
