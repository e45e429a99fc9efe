# SPDX-License-Identifier: Apache-2.0
"""The flock upgrades itself: one file, one strategy, under a steady load of alarms and updates of a host; and back.

The release is built from this checkout with another version and a change of fm's schema. First it is taken back after
two hosts, then it comes to all. Every acknowledged write is there, and the API is away no longer than service
management moves the services.
"""
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

from devstack.virtualcloud.cloudclient import wait_for
from devstack.virtualcloud.mainjob import PROGRAMS, cli_environment, lab
from tests.duplex import journals, releases
from tests.duplex.journals import CONTROLLERS
from tests.duplex.releases import NEXT, NOW
from tests.duplex.test_endurance import delivered, load, stored
from tests.lab.stack import token

__all__ = ["load"]
PACKAGES = ("flock", "fm", "fm_api", "mtce", "patching", "sm", "sysinv")
RELEASE = f"starlingx-{NEXT}"
PORTS = ("5000", "6385", "18002", "2112", "7777", "5497", "4545")
TRUSTED, OPTIONS = "/etc/flock/software/trusted", "/etc/flock/patching-conductor.conf"
# The load's alarms stand all the time; the disk of a lab is that of its machine.
CHOSEN = r"\n[conductor]\nalarms_ignored = 100.103\nsystem_free_gib = 2\n"
STAGE_S, ALL_S = 900, 3600
HOSTS_URL = "https://127.0.0.1:6385/v1/ihosts"
PROBE_S = 0.5
# Connections that were open when the address moved, and the front that starts.
SLACK_MS = 5_000
_MOVES = re.compile(r"[a-z-]+-services is (go-standby|standby|go-active|active) here(, .*)?")


class Watch(threading.Thread):
    """Asks the API all the time, and renews the token of ``other`` with its own.

    ``away``: ``[(from ms, to ms)]`` of the monotonic clock in which it did not answer. ``mixed``: the versions that
    hosts had at one time, as sorted pairs, with the time.
    """

    def __init__(self, api, other):
        super().__init__(daemon=True)
        self.api, self.other, self.away, self.mixed = api, other, [], {}
        self._ends, self._since = threading.Event(), None

    def run(self):
        while not self._ends.is_set():
            begun_ms = now_ms()
            hosts = self.ask()
            if hosts is None:
                self._since = self._since or begun_ms
            else:
                if self._since is not None:
                    self.away.append((self._since, now_ms()))
                    self._since = None
                self.mixed.setdefault(tuple(sorted(hosts.items())), begun_ms)
            self._ends.wait(PROBE_S)

    def ask(self):
        try:
            reply = self.api.get(HOSTS_URL, timeout=5)
            if reply.status_code == 401:
                # The story may take longer than a token lives.
                for session in (self.api, self.other):
                    session.headers["X-Auth-Token"] = token()
                reply = self.api.get(HOSTS_URL, timeout=5)
            if reply.status_code != 200:
                return None
            return {host["hostname"]: host["sw_version"] for host in reply.json()["ihosts"]}
        except (OSError, ValueError):
            return None

    def end(self):
        self._ends.set()
        self.join(60)


def now_ms():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000


def tool(*words, check=True, seconds=180):
    """A command line as an operator gives it; its output, or None when it fails and may."""
    done = subprocess.run([f"{PROGRAMS}/{words[0]}", *words[1:]], capture_output=True, text=True, timeout=seconds,
                          check=False, env=cli_environment())
    print(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
    assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout if done.returncode == 0 else None


def patiently(*words, seconds=180):
    """The same while the API may be away."""
    return wait_for(" ".join(words), lambda: (found := tool(*words, check=False)) is not None and [found], seconds)[0]


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """The next release, which the controllers trust. ``FLOCK_RELEASE_FOLDER`` keeps what was built."""
    kept = os.environ.get("FLOCK_RELEASE_FOLDER")
    return releases.make(Path(kept) if kept else tmp_path_factory.mktemp("release"))


@pytest.fixture
def watch(pair, api, load):
    """A second eye on the API, until the end."""
    found = Watch(api_of(api), api)
    found.start()
    yield found
    found.end()


def api_of(api):
    """A session of its own: sessions are not for several threads."""
    made = requests.Session()
    made.headers.update(api.headers)
    made.trust_env, made.verify = False, api.verify
    return made


@pytest.fixture
def uploaded(pair, api, release):
    """The release is there, its signer trusted, and the load's alarms do not count."""
    lab("publish", *PORTS)
    for host in CONTROLLERS:
        pair.on(host, "mkdir", "-p", TRUSTED)
        lab("put", host, str(release.certificate), f"{TRUSTED}/maker.crt")
        pair.on(host, "sh", "-c", f"grep -q alarms_ignored {OPTIONS} || printf '{CHOSEN}' >> {OPTIONS}")
    pair.on(pair.leader()[0], "systemctl", "reload", "flock-patching-conductor")
    if pair.leader()[0] != CONTROLLERS[0]:
        tool("system", "host-swact", pair.leader()[0])
        pair.settled(CONTROLLERS[0])
    if RELEASE not in tool("software", "list"):
        tool("software", "upload", str(release.image), str(release.signature), seconds=600)
    assert "available" in tool("software", "show", RELEASE)
    wait_for("both controllers hold the release", lambda: in_sync(api), 300)
    return release


def in_sync(api):
    return api.get("https://127.0.0.1:5497/v1/software/in_sync_controller", timeout=20).json()["in_sync"]


def hosts_of(pair):
    return sorted(host["hostname"] for host in pair.cloud.hosts())


def packages(pair):
    """What dpkg says that hosts have."""
    return {host: pair.on(host, "dpkg-query", "-W", "-f", "${Version}", "stx-flock").strip() for host in hosts_of(pair)}


def versions(pair):
    """What the inventory says that hosts run."""
    return {host["hostname"]: host["sw_version"] for host in pair.cloud.hosts()}


def product(pair, host):
    """Digests of the product's sources and programs on a host."""
    places = "bin share " + " ".join(f"lib/python3.11/site-packages/{name}" for name in PACKAGES)
    text = pair.on(host, "sh", "-c", f"cd /opt/flock/venv && find {places} -name '*.pyc' -prune -o -type f -print0 | "
                   "sort -z | xargs -0 sha256sum | sha256sum")
    return text.split()[0]


def schema(pair):
    """Revision of fm's database, and whether the new column may be empty; None: it is not there."""
    active = pair.leader()[0]

    def ask(query):
        return pair.on(active, "runuser", "-u", "postgres", "--", "psql", "-At", "fm", "-c", query).strip()
    return ask("SELECT version_num FROM alembic_version"), ask(
        f"SELECT is_nullable FROM information_schema.columns WHERE table_name = 'alarm' AND column_name = "
        f"'{releases.COLUMN}'") or None


def strategy(*words):
    return patiently("sw-manager", "sw-deploy-strategy", *words)


def applied(stages=None, seconds=ALL_S):
    """Apply the strategy, or so many of its next stages."""
    for number in [None] if stages is None else range(stages):
        strategy("apply", *([] if number is None else ["--stage-id", str(number)]))
        wait_for(f"stage {number} is applied", lambda number=number: reached(number), seconds)


def reached(number):
    """Whether the strategy, or a stage of it, is over; AssertionError: it has failed."""
    text = tool("sw-manager", "sw-deploy-strategy", "show", "-f", "json", check=False)
    if text is None:
        return False
    found = json.loads(text)
    phase = found["apply-phase"]
    assert found["state"] in ("applying", "applied", "ready-to-apply"), (
        found["state"], phase["reason"], tool("sw-manager", "sw-deploy-strategy", "show", "--error-details",
                                              check=False))
    return found["state"] == "applied" or (number is not None and phase["current-stage"] > number)


def moves(lines):
    """``[(from ms, to ms)]`` in which services moved from one controller to the other."""
    found = []
    for line in lines:
        if _MOVES.fullmatch(line.text):
            if found and line.ms - found[-1][1] < 30_000:
                found[-1][1] = line.ms
            else:
                found.append([line.ms, line.ms])
    return [tuple(one) for one in found]


def nothing_lost(pair, load, watch, capsys, what):
    """All that was acknowledged is there, and the API was away only while services moved."""
    watch.end()
    load.end()
    assert not load.wrong, load.wrong
    assert load.read() == load.acknowledged > 0
    accepted = delivered(pair)
    missing = sorted(accepted - stored(pair))
    windows = moves(pair.lines())
    with capsys.disabled():
        print(f"\n{what}: {load.count} updates acknowledged, {load.failed} refused or lost on the way; "
              f"{len(accepted)} alarms accepted; the API was away "
              f"{[round((end - begin) / 1000, 1) for begin, end in watch.away]} s, services moved "
              f"{[round((end - begin) / 1000, 1) for begin, end in windows]} s")
    assert accepted and not missing, f"{len(missing)} of {len(accepted)} accepted alarms are lost: {missing[:20]}"
    wrong = [(begin, end) for begin, end in watch.away if not any(
        start - SLACK_MS <= begin and end <= stop + SLACK_MS for start, stop in windows)]
    assert not wrong, f"the API was away at {wrong}, services moved at {windows}\n{journals.story(pair.lines())}"


@pytest.mark.timeout(ALL_S * 2)
def test_a_release_is_taken_back_after_two_hosts(pair, uploaded, load, watch, capsys):
    before = {host: product(pair, host) for host in hosts_of(pair)}
    assert set(packages(pair).values()) == {NOW} and schema(pair) == (uploaded.before, None)
    tool("software", "deploy", "precheck", RELEASE)
    strategy("create", RELEASE, "--worker-apply-type", "parallel", "--alarm-restrictions", "relaxed", "--wait")
    applied(stages=3, seconds=STAGE_S)
    done = packages(pair)
    assert {host: version for host, version in done.items() if version == NEXT} == dict.fromkeys(CONTROLLERS, NEXT)
    assert schema(pair) == (uploaded.expanded, "YES")
    mixed = {host: NEXT[:3] if host in CONTROLLERS else NOW[:3] for host in done}
    wait_for("the inventory knows it", lambda: versions(pair) == mixed, 120, lambda: str(versions(pair)))
    # Agents of the release before and controllers of the next one: both kinds of writes go on.
    talks(pair, load)
    strategy("abort", "--wait")
    strategy("delete")
    strategy("create", "--rollback", "--alarm-restrictions", "relaxed", "--wait")
    applied()
    strategy("delete")
    assert set(packages(pair).values()) == {NOW}
    assert {host: product(pair, host) for host in before} == before
    wait_for("the inventory knows it", lambda: set(versions(pair).values()) == {NOW[:3]}, 120)
    wait_for("the database is as before", lambda: schema(pair) == (uploaded.before, None), 300)
    assert "available" in patiently("software", "show", RELEASE)
    nothing_lost(pair, load, watch, capsys, "taken back")


@pytest.mark.timeout(ALL_S * 2)
def test_the_flock_upgrades_itself(pair, uploaded, load, watch, capsys):
    assert set(packages(pair).values()) == {NOW}
    tool("software", "deploy", "precheck", RELEASE)
    strategy("create", RELEASE, "--worker-apply-type", "parallel", "--alarm-restrictions", "relaxed", "--delete",
             "--wait")
    applied()
    strategy("delete")
    assert set(packages(pair).values()) == {NEXT}
    wait_for("the inventory knows it", lambda: set(versions(pair).values()) == {NEXT[:3]}, 120)
    wait_for("the database has the new form", lambda: schema(pair) == (uploaded.contracted, "NO"), 300)
    assert "deployed" in patiently("software", "show", RELEASE)
    assert len(watch.mixed) > 2, watch.mixed
    nothing_lost(pair, load, watch, capsys, "upgraded")


def talks(pair, load):
    """Alarms of worker-0 and updates by the API arrive now."""
    updates, alarms = load.count, len(stored(pair))
    wait_for("writes arrive", lambda: load.count > updates and len(stored(pair)) > alarms, 60)
