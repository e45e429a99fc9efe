# SPDX-License-Identifier: Apache-2.0
"""fmClientCli: the diagnostic command of the raiser; sets, clears and shows alarms over the bus."""
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from flock.core.errors import DeadlineExceeded, FlockError, Forbidden, InvalidInput, Unavailable
from flock.core.ids import new_uuid
from fm.contract.causes import NOT_APPLICABLE, PROBABLE_CAUSES, UNKNOWN
from fm.contract.rpc import FaultRequest
from fm.raiser import Raiser
from fm.raiser.compat import ClientException, LibraryFault, fault_of, record_of
from fm.raiser.requests import clear_all_request, clear_request
from fm.raiser.shared import configured_bus

SEPARATOR = "###"
RECORD_FIELDS = 15
FAILED = 255
Connect = Callable[[], Raiser]
NOT_FOUND = "FM_ERR_ENTITY_NOT_FOUND"
# The first matching class determines the name of the failure.
ERROR_NAMES: tuple[tuple[type[Exception], str], ...] = (
    (ClientException, "FM_ERR_INVALID_ATTRIBUTE"), (InvalidInput, "FM_ERR_INVALID_ATTRIBUTE"),
    (Forbidden, "FM_ERR_RESOURCE_UNAVAILABLE"), (Unavailable, "FM_ERR_NOCONNECT"),
    (DeadlineExceeded, "FM_ERR_COMMUNICATIONS"), (FlockError, "FM_ERR_DB_OPERATION_FAILURE"))


class Wrong(Exception):
    """The command line is wrong or nothing was found; the text is what the command prints."""


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:], lambda: Raiser(configured_bus(), None)))


def run(argv: Sequence[str], raiser: Connect) -> int:
    """Run one command. Prints ``Ok`` and the result and returns 0, or prints the name of the failure and returns 255.

    Prints details of a failure to standard error.
    """
    try:
        lines = _carried_out(argv, raiser)
    except Wrong as error:
        print(error)
        return FAILED
    except (ClientException, FlockError) as error:
        print(next(name for kind, name in ERROR_NAMES if isinstance(error, kind)))
        print(error, file=sys.stderr)
        return FAILED
    print("Ok")
    for line in lines:
        print(line)
    return 0


def _carried_out(argv: Sequence[str], raiser: Connect) -> list[str]:
    if len(argv) != 2:
        raise Wrong("Wrong arguments")
    action = _ACTIONS.get(argv[0])
    if action is None:
        raise Wrong("Invalid option...")
    return action(raiser, argv[1])


def _set(raiser: Connect, text: str) -> list[str]:
    values = _record_fields(text)
    if len(values) != RECORD_FIELDS:
        raise Wrong("Invalid alarm string..")
    (_, alarm_id, state, kind, entity, time, severity, reason, alarm_type, cause, repair, affecting, suppression,
     inhibit, keep) = values
    fault = LibraryFault(alarm_id, state, kind, entity, severity, reason, alarm_type, _cause(cause), repair, affecting,
                  suppression, None, time, inhibit, keep)
    outcome = raiser().apply_now([FaultRequest(new_uuid(), fault=record_of(fault))])[0]
    if not outcome.count:
        raise Wrong(NOT_FOUND)  # a record in state clear that cleared nothing
    return [outcome.uuid or ""]


def _clear(raiser: Connect, text: str) -> list[str]:
    alarm_id, entity = _filter(text)
    if not raiser().apply_now([clear_request(alarm_id, entity, {})])[0].count:
        raise Wrong(NOT_FOUND)
    return []


def _clear_all(raiser: Connect, entity: str) -> list[str]:
    if not raiser().apply_now([clear_all_request(entity)])[0].count:
        raise Wrong(NOT_FOUND)
    return []


def _get(raiser: Connect, text: str) -> list[str]:
    alarm_id, entity = _filter(text)
    return _found(raiser, alarm_id, entity, below=False)


def _get_below(raiser: Connect, entity: str) -> list[str]:
    return _found(raiser, None, entity, below=True)


def _get_by_id(raiser: Connect, alarm_id: str) -> list[str]:
    return _found(raiser, alarm_id, None, below=False)


_ACTIONS: dict[str, Callable[[Connect, str], list[str]]] = {
    "-c": _set, "-d": _clear, "-D": _clear_all, "-g": _get, "-G": _get_below, "-A": _get_by_id}


def _found(raiser: Connect, alarm_id: str | None, entity: str | None, below: bool) -> list[str]:
    found = raiser().active(alarm_id=alarm_id, entity_instance_id=entity, below=below)
    if not found:
        raise Wrong(NOT_FOUND)
    return [_record(fault_of(record)) for record in found]


def _record(fault: LibraryFault) -> str:
    """The first fourteen fields on one line, each followed by the separator; turns line breaks in texts into spaces."""
    values = (fault.uuid, fault.alarm_id, fault.alarm_state, fault.entity_type_id, fault.entity_instance_id,
              fault.timestamp, fault.severity, fault.reason_text, fault.alarm_type, fault.probable_cause,
              fault.proposed_repair_action, fault.service_affecting, fault.suppression, fault.inhibit_alarms)
    return " ".join("".join(f"{value}{SEPARATOR}" for value in values).splitlines())


def _fields(text: str) -> list[str]:
    """The values between the separators. Skips the first three characters; the closing separator may be missing."""
    return text[len(SEPARATOR):].removesuffix(SEPARATOR).split(SEPARATOR)


def _record_fields(text: str) -> list[str]:
    """The values of a record. Like StarlingX, reads an empty value after a closing separator: after the fourteenth
    value it is ``keep_existing_alarm``, after the fifteenth it is ignored."""
    values = text[len(SEPARATOR):].split(SEPARATOR)
    return values[:-1] if len(values) == RECORD_FIELDS + 1 and not values[-1] else values


def _cause(text: str) -> str:
    """The probable cause; like StarlingX, ``unknown`` for a blank, unknown or not applicable one."""
    return text if text in PROBABLE_CAUSES and text != NOT_APPLICABLE else UNKNOWN


def _filter(text: str) -> tuple[str, str]:
    values = _fields(text)
    if len(values) != 2:
        raise Wrong("Invalid alarm filter")
    return values[0], values[1]


if __name__ == "__main__":
    main()
