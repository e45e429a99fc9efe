# SPDX-License-Identifier: Apache-2.0
"""Two controllers of the lab as the scenarios see them: what service management says, faults, and their repair."""
import json
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from devstack.virtualcloud.client import Client
from devstack.virtualcloud.cloudclient import NotInTime, wait_for, wait_states
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.mainjob import PROGRAMS, STATE_DIR, cli, lab
from devstack.virtualcloud.site import Site
from flock.core.codec import codec_for
from flock.core.errors import FlockError
from sm.client.control import ask
from sm.contract.control import SOCKET, Request, StatusReport, Verb
from tests.duplex import journals
from tests.duplex.journals import CONTROLLERS
from tests.lab.stack import REPO

INSIDE = Path(__file__).parent / "inside"
FLOATING = "10.10.10.1"
PATHS = ("mgmt", "cluster-host", "oam")
PROBE, ROWS = "/usr/local/sbin/probe", "/usr/local/sbin/probe-rows"
REDUNDANT_S, ANSWER_S = 300, 5.0
LAB = Client(Site(STATE_DIR), print)
PYTHON = f"{PROGRAMS}/python"


class Pair:
    """``on`` runs a command inside a host, ``cloud`` is the client of the APIs."""

    def __init__(self, on, cloud):
        self.on, self.cloud = on, cloud
        self.hosts = {host["hostname"] for host in cloud.hosts()}
        self.since_ms, self.since = 0, ""

    # What is known

    def status(self, host):
        """What service management of a host knows; None when it does not answer.

        Asked over the daemon's socket from outside: a program inside the host for each look would take a processor.
        """
        try:
            inside = Path("/proc", str(LAB.ask("leader", host=host)["pid"]), "root")
            report = ask(Request("", Verb.STATUS), f"{inside}{SOCKET}", ANSWER_S).status
        except (FlockError, LabError) as error:
            print(f"{host} says nothing: {error}")
            return None
        return json.loads(codec_for(StatusReport).encode(report, "status"))

    def leader(self):
        """The controller that leads, and the other one. NotInTime: neither says so."""
        def found():
            return next((host for host in CONTROLLERS if self.leads(host)), "")
        leader = wait_for("a controller that leads", found, 30)
        return leader, other(leader)

    def leads(self, host):
        known = self.status(host)
        return bool(known and known["leader"] == host)

    def states(self, known):
        """``{(group, node): state}`` of a status, with the status of the group where it has one: ``active-failed``."""
        return {(line["name"], line["node"]): f"{line['state']}-{line['status']}".rstrip("-")
                for line in known["groups"]}

    def group(self, asked, group, node):
        known = self.status(asked)
        return known and self.states(known).get((group, node))

    def service(self, host, name):
        known = self.status(host)
        return known and next((line for line in known["services"] if line["name"] == name), None)

    def service_is(self, host, name, state):
        line = self.service(host, name)
        return bool(line and line["state"] == state)

    def movable(self, known):
        """The N + M groups."""
        return {line["name"] for line in known["groups"] if not line["name"].startswith("probe-shared")}

    def redundant(self, leader=""):
        """Name of the leader when it has everything active and the other one stands by with all data; else empty."""
        for host in (leader,) if leader else CONTROLLERS:
            known = self.status(host)
            if not known or known["leader"] != host:
                continue
            groups, movable = self.states(known), self.movable(known)
            wanted = {(name, node): "active" if node == host or name not in movable else "standby"
                      for name, node in groups}
            if groups == wanted and set(known["current"]) == set(CONTROLLERS) and not known["problems"] and all(
                    state == "ok" for state in known["paths"].values()):
                return host
        return ""

    def is_up(self, host):
        return machine(host)["stage"] == "up"

    def pid(self, host, unit):
        return int(self.on(host, "systemctl", "show", "-P", "MainPID", unit, check=False).strip() or 0)

    def has(self, host, address):
        return any(address in held for held in machine(host)["addresses"].values())

    def hosts_answer(self):
        """Whether the API answers with all hosts."""
        try:
            return self.hosts <= {host["hostname"] for host in self.cloud.hosts()}
        except Exception:  # an API that comes up answers with anything
            return False

    def host(self, name):
        return self.cloud.host(name) or {}

    def alarms(self, alarm_id):
        """``{entity: severity}`` of the alarms that stand."""
        return {alarm["entity_instance_id"].removeprefix("system.name="): alarm["severity"]
                for alarm in self.cloud.alarms() if alarm["alarm_id"] == alarm_id}

    def events(self, event_id, state=""):
        """Events since the scenario began, the newest first."""
        return [event for event in self.cloud.events() if event["event_log_id"] == event_id
                and event["timestamp"].replace("T", " ") >= self.since and state in ("", event["state"])]

    def calls(self, host, name, command):
        text = self.on(host, "cat", f"/run/probe/{name}.calls", check=False)
        return sum(line.endswith(f" {command}") for line in text.splitlines())

    # Journals

    def begin(self):
        """From now on, journals and events count."""
        self.since_ms = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
        self.since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")

    def lines(self, since_ms=None):
        """The journals of both, merged. One of a host that is off is read when it is up again."""
        found = []
        for host in CONTROLLERS:
            text = self.on(host, "sh", "-c", "cat /var/lib/sm/journal.jsonl.1 /var/lib/sm/journal.jsonl 2>/dev/null",
                           check=False)
            found += journals.parsed(host, text)
        since_ms = self.since_ms if since_ms is None else since_ms
        return sorted((line for line in found if line.ms >= since_ms), key=lambda line: line.ms)

    def told(self, host, part):
        """How many seconds after the beginning a host's journal had a line with ``part``; None if it has none."""
        return next(((line.ms - self.since_ms) / 1_000 for line in self.lines() if line.node == host
                     and part in line.text), None)

    def check(self):
        """No group was active on both, and each group has one line per node."""
        known = self.status(self.leader()[0])
        movable, lines = self.movable(known), self.lines(0)
        wrong = [text for text in journals.both(lines, movable) if int(text.rsplit(" ", 2)[-2]) >= self.since_ms]
        assert not wrong, "\n".join([*wrong, journals.story(lines)])
        # The client is that of the product; what it prints has a row per group and node.
        rows = [line.split("|")[2:4] for line in smc("servicegroup-list").splitlines() if "-services" in line]
        seen = sorted((group.strip(), node.strip()) for group, node in rows)
        assert seen == sorted({(line["name"], line["node"]) for line in known["groups"]}), seen

    # Faults

    def say(self, host, name, command, what):
        """A probe's command shall end with a status, or ``hang``."""
        self.on(host, "sh", "-c", f"mkdir -p /run/probe; echo {what} > /run/probe/{name}.{command}")

    def unsay(self, host):
        self.on(host, "sh", "-c", "rm -f /run/probe/*.start /run/probe/*.stop /run/probe/*.monitor")

    def kill_probe(self, host, name):
        self.on(host, "sh", "-c", f"kill -9 $(cat /run/probe/{name}.pid)")

    def kill_unit(self, host, unit):
        """kill -9 of the main process; returns its pid."""
        pid = self.pid(host, unit)
        assert pid, f"{unit} does not run on {host}"
        self.on(host, "kill", "-9", str(pid))
        return pid

    def sm(self, host, *words, check=True):
        return self.on(host, f"{PROGRAMS}/{words[0]}", *words[1:], check=check)

    # Waits and repair

    def wait(self, what, probe, seconds):
        """Wait for a condition; returns and prints how long that took."""
        begun = time.monotonic()
        try:
            wait_for(what, probe, seconds)
        except NotInTime as error:
            raise NotInTime(f"{error}\n{journals.story(self.lines())}") from None
        took = time.monotonic() - begun
        print(f"{what}: {took:.1f} s")
        return took

    def holds(self, what, probe, seconds):
        """A condition that holds for all of a time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert probe(), f"{what} holds no longer\n{journals.story(self.lines())}"
            time.sleep(0.5)

    def settled(self, leader="", seconds=REDUNDANT_S, lasting_s=0.0):
        """Wait until both controllers are in service, for ``lasting_s`` without a break; returns the active one and the
        other one."""
        since = None

        def lasts():
            nonlocal since
            found, now = self.redundant(leader), time.monotonic()
            since = (now if since is None else since) if found else None
            return since is not None and now - since >= lasting_s

        self.wait(f"redundant{' with ' if leader else ''}{leader}", lasts, seconds)
        active = self.leader()[0]
        return active, other(active)

    def unlocked(self, seconds=REDUNDANT_S):
        """Wait until host maintenance too has both in service."""
        self.wait("both in service", lambda: all(
            (host := self.host(name)) and host["administrative"] == "unlocked" and host["operational"] == "enabled"
            for name in CONTROLLERS), seconds)

    def repair(self):
        """Undo what a scenario has left behind, as far as it goes at once."""
        lab("heal")
        for host in CONTROLLERS:
            stage = machine(host)["stage"]
            if stage == "hung":
                lab("resume", host)
            elif stage in ("off", "crashed"):
                lab("power", "on" if stage == "off" else "reset", host)
        for host in CONTROLLERS:
            wait_for(f"{host} is up", lambda host=host: self.is_up(host), 120)
            self.on(host, "systemctl", "kill", "--signal=CONT", "flock-sm.service", check=False)
            self.unsay(host)
            known = self.status(host)
            for line in known["services"] if known else ():
                if not line["managed"]:
                    self.sm(host, "sm-manage", "service", line["name"], check=False)
            if self.host(host).get("administrative") == "locked":
                cli("system", "host-unlock", host, quiet=True)
            own = next((node for node in known["nodes"] if node["name"] == host), {}) if known else {}
            if own.get("administrative") == "locked" and self.host(host).get("administrative") == "unlocked":
                self.sm(host, "sm", "node", "unlocked", "enabled", "available", check=False)

    @contextmanager
    def locked(self, host):
        """The host is locked by an operator, and unlocked at the end, which boots it."""
        cli("system", "host-lock", host, quiet=True)
        wait_states(self.cloud, host, "locked/disabled/online", 120)
        try:
            yield
        finally:
            cli("system", "host-unlock", host, quiet=True)
            wait_states(self.cloud, host, "unlocked/enabled/available", REDUNDANT_S)

    def install_probes(self):
        for host in CONTROLLERS:
            lab("put", host, str(INSIDE / "probe.sh"), PROBE)
            lab("put", host, str(INSIDE / "probe_rows.py"), ROWS)
        for host in CONTROLLERS:
            self.on(host, PYTHON, ROWS, "add")
        active, standby = self.leader()
        for host, name in ((active, "probe"), (active, "probe-data"), (active, "probe-minor"), (active, "probe-major"),
                           (active, "probe-shared"), (standby, "probe-shared")):
            self.wait(f"{name} runs on {host}", lambda host=host, name=name: self.service_is(
                host, name, "enabled-active"), 60)

    def remove_probes(self):
        for host in CONTROLLERS:
            self.on(host, PYTHON, ROWS, "remove")


def other(host):
    return next(name for name in CONTROLLERS if name != host)


def machine(host):
    return next(one for one in LAB.ask("status")["hosts"] if one["name"] == host)


def smc(*words):
    return cli("smc", *words, quiet=True)


def answers():
    """Whether the floating address answers from outside."""
    done = subprocess.run([str(REPO / "devstack/lab"), "exec", "outside", "--", "ping", "-c1", "-W1", FLOATING],
                          capture_output=True, timeout=30, check=False)
    return done.returncode == 0
