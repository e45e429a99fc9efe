# SPDX-License-Identifier: Apache-2.0
"""mtce-fence: a fence agent, as service management and cluster managers use them, for all boards that mtce knows."""
from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from flock.core.errors import FlockError, InvalidInput
from mtce.bmc.interfaces import Access, Bmc, PowerState
from mtce.bmc.ipmi import IpmiSettings
from mtce.bmc.kinds import KINDS, BmcSettings, open_bmc
from mtce.bmc.session import RedfishSettings

ON, FAILED, OFF = 0, 1, 2
INPUT_MAX_CHARS = 64 * 1024
ACTIONS = ("on", "off", "reboot", "status", "monitor")
USAGE = """mtce-fence switches a machine off through its board management controller.

It reads lines of KEY=VALUE on standard input:
  action    on, off, reboot, status or monitor
  type      redfish (default), ipmi or dynamic
  ip, username, password
  port      default: 443 for redfish, 623 for ipmi
  scheme    https (default) or http, for redfish
  verify    yes (default), no, or the file of the authorities that redfish is verified with
  system    the machine's id, where the controller has several

Exit status: 0 done, or the power is on; 2 the power is off ('status' and 'monitor'); 1 failed, reason on stderr.
"""
KEYS = {"action", "type", "ip", "username", "password", "port", "scheme", "verify", "system"}


def main() -> int:
    """Return the exit status of a fence agent."""
    if len(sys.argv) > 1:
        print(USAGE, end="")
        return ON if sys.argv[1:] in (["--help"], ["-h"]) else FAILED
    try:
        return act(parsed(sys.stdin.read(INPUT_MAX_CHARS + 1)), open_bmc)
    except (FlockError, ValueError) as error:
        print(f"mtce-fence: {error}", file=sys.stderr)
        return FAILED


def parsed(text: str) -> dict[str, str]:
    """The parameters, with their defaults; InvalidInput names the first that breaks a rule."""
    if len(text) > INPUT_MAX_CHARS:
        raise InvalidInput(field="input", rule=f"must not be longer than {INPUT_MAX_CHARS} characters")
    given = {"type": "redfish", "scheme": "https", "verify": "yes", "system": "", "username": "", "password": ""}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not line.startswith("#"):
            if not equals or name not in KEYS:
                raise InvalidInput(field=name[:64], rule=f"is not known; known are {', '.join(sorted(KEYS))}")
            given[name] = value
    for name, allowed in (("action", ACTIONS), ("type", KINDS[1:]), ("scheme", ("https", "http"))):
        if given.get(name) not in allowed:
            raise InvalidInput(field=name, rule=f"must be one of {', '.join(allowed)}")
    if not given.get("ip"):
        raise InvalidInput(field="ip", rule="must be given")
    return given


def settings(given: Mapping[str, str]) -> BmcSettings:
    """The transport; InvalidInput for a port that is none."""
    port = given.get("port", "")
    if port and not (port.isdecimal() and 1 <= int(port) <= 65_535):
        raise InvalidInput(field="port", rule="must be a number from 1 to 65535")
    verify = {"yes": True, "no": False}.get(given["verify"], given["verify"])
    return BmcSettings(RedfishSettings(given["scheme"], int(port or 443), verify),
                       IpmiSettings(int(port or 623)))


def act(given: Mapping[str, str], opened: Callable[[str, Access, BmcSettings], Bmc]) -> int:
    """Carry out the action. BmcError; ValueError."""
    access = Access(given["ip"], given["username"], given["password"], given["system"])
    power = opened(given["type"], access, settings(given)).power
    if given["action"] in ("status", "monitor"):
        state = power.state()
        return {PowerState.ON: ON, PowerState.OFF: OFF}.get(state, FAILED)
    if given["action"] == "on":
        power.on()
    elif given["action"] == "off":
        power.off(graceful=False)
    else:
        power.reset(graceful=False)
    return ON


if __name__ == "__main__":
    sys.exit(main())
