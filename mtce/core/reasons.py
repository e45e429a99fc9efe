# SPDX-License-Identifier: Apache-2.0
"""Texts of mtce's alarms and customer logs."""
from __future__ import annotations

ALARMS = {
    "200.001": "{host} was administratively locked to take it out-of-service.",
    "200.004": "{host} experienced a service-affecting failure. Auto-recovery in progress.",
    "200.005": "{host} is not answering heartbeats on the Management network.",
    "200.007": "{host} sensor '{name}' is out of tolerance: {severity}.",
    "200.009": "{host} is not answering heartbeats on the Cluster-host network.",
    "200.011": "{host} experienced a configuration failure.",
    "200.013": "{host} compute service of the only available controller is not operational.",
    "200.014": "{host} has no sensor model, because its BMC shows no sensors; they are not watched.",
    "200.015": "{host} sensors of the group '{name}' cannot be read from its BMC.",
}
DEGRADED = {
    "200.005": "{host} is missing heartbeats on the Management network.",
    "200.009": "{host} is missing heartbeats on the Cluster-host network.",
}
LOGS = {
    "event=add": "{host} has been 'added' to the system.",
    "event=discovered": "{host} has been 'discovered' on the network.",
    "state=enabled": "{host} is now 'enabled'.",
    "state=disabled": "{host} is now 'disabled'.",
    "status=online": "{host} is now 'online'.",
    "status=offline": "{host} is now 'offline'.",
    "status=failed": "{host} has 'failed'.",
    "status=reinstall-failed": "{host} reinstall 'failed'.",
    "status=reinstall-complete": "{host} reinstall is 'complete'.",
}


def alarm_text(alarm_id: str, severity: str, hostname: str, suffix: str = "") -> str:
    """Return the reason text of an alarm; ``suffix`` of its entity names a part of the host, as in ``.sensor=fan``."""
    text = DEGRADED.get(alarm_id) if severity == "major" else None
    return (text or ALARMS[alarm_id]).format(host=hostname, severity=severity, name=suffix.partition("=")[2])


def log_text(log_id: str, suffix: str, hostname: str, severity: str) -> str:
    """Return the reason text of a customer log with that entity suffix."""
    if log_id in ALARMS:
        return alarm_text(log_id, severity, hostname, suffix)
    kind, _, word = suffix.partition("=")
    if kind == "command":
        return f"{hostname} was asked to '{word}' by an operator."
    if kind == "action":
        return f"{hostname}: '{word}' because of a critical sensor."
    return LOGS[suffix].format(host=hostname)
