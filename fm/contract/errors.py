# SPDX-License-Identifier: Apache-2.0
"""Errors that fm and its raisers return to callers, on the bus and over REST."""
from __future__ import annotations

from flock.core.errors import Conflict, InvalidInput, NotFound, Unavailable


class AlarmNotFound(NotFound):
    """No active alarm has that uuid or that pair of id and entity."""

    code, http, text = "fm.alarm.not_found", 404, "[HTTP 404] Alarm {id} could not be found."


class AlarmMasked(NotFound):
    """The alarm exists but is masked by an alarm on a containing entity."""

    code, http, text = "fm.alarm.masked", 404, "[HTTP 404] Resource could not be found."


class EventLogNotFound(NotFound):
    """No event has that uuid."""

    code, http, text = "fm.event_log.not_found", 404, "[HTTP 404] Event Log {id} could not be found."


class SuppressionNotFound(InvalidInput):
    """No suppression entry has that uuid (the wire answers 400 here, not 404)."""

    code, http, text = "fm.suppression.not_found", 400, "[HTTP 400] No event suppression entry found for {id}"


class SilenceNotFound(NotFound):
    """No silence in force has that uuid."""

    code, http, text = "fm.silence.not_found", 404, "[HTTP 404] Silence {id} could not be found."


class InvalidSilence(InvalidInput):
    """A field of a silence breaks a rule; the text names both."""

    code, http, text = "fm.silence.invalid", 400, "[HTTP 400] Invalid silence: {field} {rule}"


class TooManySilences(Conflict):
    """The limit of silences in force is reached."""

    code, http, text = "fm.silence.too_many", 409, "[HTTP 409] At most {limit} silences may be in force. Delete some."


class UnknownAlarmId(InvalidInput):
    """The id is not in the catalogue as an alarm."""

    code, http, text = "fm.alarm.unknown_id", 400, "[HTTP 400] Unknown alarm id {alarm_id}: it is not in the catalogue."


class InvalidFault(InvalidInput):
    """A field of a fault record breaks a rule; the text names both."""

    code, http, text = "fm.fault.invalid", 400, "[HTTP 400] Invalid fault: {field} {rule}"


class NotAttempted(Conflict):
    """The manager did not apply this request because the one it depends on was refused."""

    code, http, text = "fm.fault.not_attempted", 409, "[HTTP 409] Not attempted: request {id} before it was refused."


class UuidInUse(Conflict):
    """The uuid given for a new alarm belongs to another alarm or event."""

    code, http, text = "fm.alarm.uuid_in_use", 409, "[HTTP 409] An alarm or event with uuid {id} exists already."


class TooManyAlarms(Conflict):
    """The host has as many active alarms as it may raise; it stays refused until some of them are cleared."""

    code, http, text = "fm.alarm.too_many", 409, "[HTTP 409] At most {limit} alarms may be active below {entity}."


class SpoolFull(Unavailable):
    """The local spool has reached its limit of undelivered requests; nothing was stored."""

    code, http, text = "fm.raiser.spool_full", 503, "The fault spool {path} is full ({limit_mib} MiB undelivered)."


class SpoolDiskFull(SpoolFull):
    """The file system of the spool has no room, or the process may not write larger files; nothing was stored."""

    code, http, text = "fm.raiser.disk_full", 503, "The fault spool {path} cannot be extended: {reason}."


class SpoolBusy(Unavailable):
    """Other processes hold all slots of the spool directory."""

    code, http, text = "fm.raiser.spool_busy", 503, "All {slots} slots of the fault spool {path} are in use."
