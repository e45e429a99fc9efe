# SPDX-License-Identifier: Apache-2.0
"""The main job on a running lab: unlock the controller; discover, install and unlock the workers; show the hosts.

Skips every step that is already done, so the job can be run again at any time.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devstack.virtualcloud.cloudclient import CloudClient, NotInTime, states, wait_for, wait_states

STATE_DIR = Path(os.environ.get("FLOCK_LAB_STATE", "/var/lib/flock-lab"))
LAB = Path(__file__).resolve().parent.parent / "lab"
IN_SERVICE = "unlocked/enabled/available"
ONLINE = "locked/disabled/online"
UNLOCK_TIMEOUT_S = 240.0
DISCOVERY_TIMEOUT_S = 120.0
INSTALL_TIMEOUT_S = 240.0
COMMAND_TIMEOUT_S = 120.0
REDFISH_PORT = 8000
PAIR_TIMEOUT_S = 420.0
PROGRAMS = "/opt/flock/venv/bin"


def say(text: str) -> None:
    """Print one progress line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def lab(*words: str) -> Any:
    """Run one lab command with ``--json`` and return its result."""
    done = subprocess.run([str(LAB), "--json", *words], capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
                          check=False)
    if done.returncode != 0:
        raise NotInTime(f"lab {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def boots(name: str) -> int:
    """Return how often a machine's operating system was started."""
    return int(next(host["boots"] for host in lab("status")["hosts"] if host["name"] == name))


def cli_environment() -> dict[str, str]:
    """Return the environment of the command lines, with OS_* as devstack/openrc sets them."""
    return {**os.environ, "OS_USERNAME": "admin", "OS_PASSWORD": (STATE_DIR / "admin-password").read_text().strip(),
            "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_AUTH_URL": "https://127.0.0.1:5000/v3", "OS_REGION_NAME": "RegionOne",
            "OS_CACERT": str(STATE_DIR / "ca.crt")}


def cli(*argv: str, quiet: bool = False, shown: Sequence[str] | None = None) -> str:
    """Run a command line of the flock and return its output; ``quiet`` does not print it, ``shown`` hides secrets."""
    if not quiet:
        print("$ " + " ".join(shown or argv), flush=True)
    program = Path(sys.prefix) / "bin" / argv[0]
    done = subprocess.run([str(program), *argv[1:]], capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
                          check=False, env=cli_environment())
    if done.returncode != 0:
        raise NotInTime(f"{' '.join(shown or argv)}: {done.stderr.strip()}")
    if not quiet:
        print(done.stdout, end="", flush=True)
    return done.stdout


def unlock(cloud: CloudClient, name: str) -> None:
    """Unlock a host that is online and wait until it is in service."""
    host = cloud.host(name)
    if host is not None and host["administrative"] == "locked":
        wait_for(f"{name} online with its inventory", lambda: _ready_to_unlock(cloud, name), INSTALL_TIMEOUT_S,
                 lambda: states(cloud.host(name)))
        cli("system", "host-unlock", name, quiet=True)
    wait_states(cloud, name, IN_SERVICE, UNLOCK_TIMEOUT_S)


def _ready_to_unlock(cloud: CloudClient, name: str) -> bool:
    host = cloud.host(name)
    return bool(host and host["availability"] == "online" and host["inv_state"] == "inventoried" and not host["task"])


def discover(cloud: CloudClient, machine: dict[str, Any]) -> None:
    """Power a machine on through its BMC and wait until its MAC address is in the host list."""
    mac = machine["mac"]
    if cloud.host(mac) is None:
        if not machine["power"]:
            power_on(machine["bmc"])
        wait_for(f"discovery of {mac}", lambda: cloud.host(mac), DISCOVERY_TIMEOUT_S)


def power_on(bmc: dict[str, Any]) -> None:
    """Send a Redfish reset of type On from controller-0 over the BMC network."""
    service = f"http://{bmc['address']}:{REDFISH_PORT}/redfish/v1"
    system = json.loads(_redfish(bmc, f"{service}/Systems"))["Members"][0]["@odata.id"].rsplit("/", 1)[-1]
    _redfish(bmc, f"{service}/Systems/{system}/Actions/ComputerSystem.Reset", '{"ResetType": "On"}')


def _redfish(bmc: dict[str, Any], url: str, body: str | None = None) -> str:
    # Pass credentials on curl's standard input: an argument list is visible to every user.
    configuration = f'user = "{bmc["username"]}:{bmc["password"]}"\n'
    words = ["curl", "--silent", "--show-error", "--fail", "--max-time", "20", "--config", "-", url]
    if body is not None:
        words += ["--header", "Content-Type: application/json", "--data", body]
    done = subprocess.run([str(LAB), "exec", "controller-0", "--", *words], input=configuration, capture_output=True,
                          text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise NotInTime(f"the BMC {bmc['address']} did not switch its machine on: {done.stderr.strip()}")
    return done.stdout


def provision(cloud: CloudClient, machine: dict[str, Any], personality: str = "worker") -> None:
    """Set the name, role and board management of a discovered machine."""
    host = cloud.host(machine["mac"])
    if host is None or host["personality"]:
        return
    words = ["system", "host-update", str(host["id"]), f"personality={personality}", f"hostname={machine['name']}"]
    cli(*words, *board(machine["bmc"]), quiet=True)


def board(bmc: dict[str, Any]) -> list[str]:
    """Return the words that tell sysinv of a machine's board management."""
    return ["bm_type=redfish", f"bm_ip={bmc['address']}", f"bm_username={bmc['username']}",
            f"bm_password={bmc['password']}"]


def on(name: str, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """Run a command inside a host and return its output; NotInTime with the reason when it fails."""
    done = subprocess.run([str(LAB), "exec", name, "--", *words], capture_output=True, text=True, timeout=timeout_s,
                          check=False)
    if done.returncode != 0:
        raise NotInTime(f"{' '.join(words)} on {name}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def begin_second_controller(cloud: CloudClient, machines: dict[str, dict[str, Any]]) -> None:
    """Discover controller-1 and begin its installation; each controller can then switch the other one off."""
    first, second = machines["controller-0"], machines["controller-1"]
    if (cloud.host("controller-0") or {}).get("bm_type") in (None, "", "none"):
        cli("system", "host-update", "controller-0", *board(first["bmc"]), quiet=True)
    discover(cloud, second)
    on("controller-0", f"{PROGRAMS}/flock-bootstrap", "--expect", second["mac"])
    provision(cloud, second, "controller")
    say(f"{second['mac']} is controller-1; it installs over the network")


def end_second_controller(cloud: CloudClient) -> None:
    """Unlock controller-1 when it is installed."""
    wait_for("controller-1 online with its inventory", lambda: _is_there(cloud, "controller-1"), INSTALL_TIMEOUT_S,
             lambda: states(cloud.host("controller-1")))
    unlock(cloud, "controller-1")
    say(f"controller-1 is {IN_SERVICE}")


def stands_by() -> bool:
    """Whether one controller leads, and the other one has all groups on standby and all data."""
    try:
        known = json.loads(on("controller-0", f"{PROGRAMS}/sm", "status", "--json"))
    except NotInTime:
        # Its daemon is being restarted, to count with both.
        return False
    # controller-1 leads when the job is run again after a move.
    groups = [group for group in known["groups"] if group["node"] != known["leader"]]
    # Some groups may run on both.
    current = bool(known["leader"]) and {"controller-0", "controller-1"} <= set(known["current"])
    return current and any(group["state"] == "standby" for group in groups) and all(
        group["desired"] == group["state"] in ("standby", "active") for group in groups)


def _is_there(cloud: CloudClient, name: str) -> bool:
    host = cloud.host(name)
    return bool(host and (host["administrative"] == "unlocked" or _ready_to_unlock(cloud, name)))


def show() -> None:
    """Print the present host list."""
    for words in (("system", "host-list"), ("system", "host-show", "worker-0"), ("system", "host-cpu-list", "worker-0"),
                  ("fm", "alarm-list")):
        cli(*words)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; returns 0 when all steps succeeded, 1 when one did not (the reason is on stderr)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--controllers", type=int, default=1, choices=(1, 2))
    args = parser.parse_args(argv)
    try:
        _run(args.workers, args.controllers)
    except (NotInTime, subprocess.TimeoutExpired) as error:
        print(f"main job: {error}", file=sys.stderr)
        return 1
    return 0


def _run(workers: int, controllers: int) -> None:
    cloud = CloudClient(STATE_DIR / "admin-password")
    unlock(cloud, "controller-0")
    say(f"controller-0 is {IN_SERVICE}")
    known = lab("status")["hosts"]
    if controllers == 2:
        begin_second_controller(cloud, {machine["name"]: machine for machine in known})
    machines = [machine for machine in known if machine["name"].startswith("worker-")][:workers]
    for machine in machines:
        discover(cloud, machine)
        say(f"{machine['mac']} was powered on through its BMC and discovered")
    for machine in machines:
        provision(cloud, machine)
        say(f"{machine['mac']} is {machine['name']}, a worker; it installs over the network")
    if controllers == 2:
        end_second_controller(cloud)
    for machine in machines:
        unlock(cloud, machine["name"])
        say(f"{machine['name']} is {IN_SERVICE}")
    if controllers == 2:
        wait_for("a controller that stands by with all data", stands_by, PAIR_TIMEOUT_S)
        say("a controller stands by with all data")
    if machines:
        show()
        print("Try:  source devstack/openrc\n      devstack/lab crash worker-1\n      watch -n 1 system host-list\n"
              "      fm alarm-list; fm event-list")


if __name__ == "__main__":
    sys.exit(main())
