# SPDX-License-Identifier: Apache-2.0
"""Programs that raise alarms from a host, as a test starts them: ``python raising_programs.py <name> <arguments>``."""
from __future__ import annotations

import os
import sys

from fm.raiser.shared import shared_raiser
from fm_api import constants, fm_api


def say(text: str) -> None:
    """One line, in one write, so that a kill does not tear it."""
    os.write(1, f"{text}\n".encode())


def storm(name: str, life: str, count: str) -> None:
    """Numbered logs and an alarm that is set and cleared in turn; each call is said once it has returned."""
    raiser = shared_raiser()
    for number in range(int(count)):
        raiser.log_event("200.021", entity_instance_id=f"host={name}.command=l{life}-{number}")
        say(f"l{life}-{number}")
        if number % 2 == 0:
            raiser.raise_alarm("200.005", host=name, severity="major", reason=f"{life}-{number}")
        else:
            raiser.clear_alarm("200.005", host=name)
    raiser.raise_alarm("200.005", host=name, severity="minor", reason=f"end of {life}")
    say("end")
    if not raiser.flush(60):
        sys.exit(3)


def foreign(host: str) -> None:
    """What a service that knows nothing but ``fm_api`` does."""
    api = fm_api.FaultAPIsV2()
    fault = fm_api.Fault(
        alarm_id=constants.FM_ALARM_ID_FS_USAGE, alarm_state=constants.FM_ALARM_STATE_SET,
        entity_type_id=constants.FM_ENTITY_TYPE_HOST, entity_instance_id=f"host={host}",
        severity=constants.FM_ALARM_SEVERITY_CRITICAL, reason_text="full", alarm_type=constants.FM_ALARM_TYPE_7,
        probable_cause=constants.ALARM_PROBABLE_CAUSE_50, proposed_repair_action="clean", service_affecting=True)
    say(api.set_fault(fault))
    found = api.get_fault(constants.FM_ALARM_ID_FS_USAGE, f"host={host}")
    say(f"{found.uuid if found else None} {str(found.service_affecting) == 'True' if found else None}")
    api.clear_fault_async(constants.FM_ALARM_ID_FS_USAGE, f"host={host}")
    say(str(api.get_faults(f"host={host}")))


if __name__ == "__main__":
    {"storm": storm, "foreign": foreign}[sys.argv[1]](*sys.argv[2:])
