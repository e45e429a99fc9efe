# SPDX-License-Identifier: Apache-2.0
"""BMCs that answer rubbish, anywhere: every command ends in time, with a sentence, and never hits another system."""
import copy
import json
import random
import threading
import time

import pytest

from flock.sim.world import scaled
from mtce.bmc.interfaces import BmcError, PowerState
from mtce.bmc.kinds import BmcSettings, open_bmc, perform
from mtce.bmc.redfish import RedfishBoot, RedfishPower
from mtce.bmc.session import RedfishSettings, Session, is_redfish

SYSTEM = "/redfish/v1/Systems/437XR1138R2"
OTHER = "/redfish/v1/Systems/HGX_Board_0"
PATHS = ["/redfish/v1", "/redfish/v1/Systems", SYSTEM, "/redfish/v1/SessionService",
         "/redfish/v1/SessionService/Sessions", SYSTEM + "/Actions/ComputerSystem.Reset", "/redfish"]
VERBS = ["query", "power-on", "power-off", "reset", "netboot"]
ANY = [None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "On", [], [None], ["On"], [[]], {}, {"": {}}, [{}], {"@odata.id": 7},
       {"@odata.id": "/"}, {"@odata.id": SYSTEM}, {"@odata.id": "http://127.0.0.1:1/"}, "https://[", "//", "../.."]
BODIES = [b"", b"null", b"[]", b"{}", b"7", b'"On"', b"<html><body>login</body></html>", b"{", b"\xff\xfe", b"[" * 5000,
          b'{"a":' * 100_000, b"NaN", b'{"PowerState": NaN}', b"\x00" * 100, b"[" + b"1," * 3_000_000 + b"1]"]
STATUSES = [200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 412, 428, 429, 500, 501, 502, 503, 504, 599]


def places(value, path=()):
    """Every place in a JSON value but the whole."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def spoil(value, draw):
    """The value with one member missing or something else."""
    spoiled = copy.deepcopy(value)
    *way, last = draw.choice(list(places(spoiled)))
    parent = spoiled
    for step in way:
        parent = parent[step]
    if draw.random() < 0.3:
        del parent[last]
    else:
        parent[last] = draw.choice(ANY)
    return spoiled


class Attack:
    """One BMC that lies in one or two places, and what each command then may do."""

    def __init__(self, recorded, access, settings):
        self.recorded, self.access = recorded, access
        # Short, so that what hangs is seen; the emulated BMC answers at once.
        self.settings = RedfishSettings("http", settings.port, False, 1, 1, command_timeout_s=4)
        self.tree = copy.deepcopy(recorded.tree)

    def run(self, verb):
        """Carry a command out; the sentence of its refusal, None when it was done."""
        clock = [0.0]
        power = RedfishPower(Session(self.access, self.settings), lambda s: clock.__setitem__(0, clock[0] + 20),
                             lambda: clock[0])
        boot = RedfishBoot(Session(self.access, self.settings))
        begun = time.monotonic()
        try:
            if verb == "query":
                assert isinstance(power.state(), PowerState)
            elif verb == "power-on":
                power.on()
            elif verb == "power-off":
                power.off(graceful=False)
            elif verb == "reset":
                power.reset(graceful=False)
            elif verb == "netboot":
                boot.network_once()
            else:
                assert is_redfish(self.access, self.settings) in (True, False)
        except BmcError as error:
            said = str(error)
            assert said.startswith("The board management controller") and "\n" not in said and len(said) < 500
            return said
        finally:
            # A request that is on its way when the time of the command ends has a timeout of its own.
            assert time.monotonic() - begun < self.settings.command_timeout_s + 3
        return None

    def restore(self):
        self.recorded.tree.clear()
        self.recorded.tree.update(copy.deepcopy(self.tree))
        self.recorded.answers.clear()
        self.recorded.resets.clear()
        self.recorded.requests.clear()
        self.recorded.patches.clear()


@pytest.fixture
def attack(recorded, access, settings):
    return Attack(recorded, access, settings)


def harm_done(attack):
    """Requests that change something at another place than the host's system."""
    changing = [line for line in attack.recorded.requests if line.split()[0] in ("POST", "PATCH", "PUT")]
    return [line for line in changing if "Sessions" not in line and SYSTEM not in line.split()[1]]


def spoil_tree(attack, draw):
    path = draw.choice([path for path in PATHS if path in attack.recorded.tree])
    attack.recorded.tree[path] = spoil(attack.recorded.tree[path], draw)
    return path, attack.recorded.tree[path]


@pytest.mark.parametrize("seed", range(6))
def test_one_wrong_member_is_a_sentence(attack, seed):
    draw = random.Random(seed)
    for _ in range(8):
        attack.restore()
        spoiled = spoil_tree(attack, draw)
        for verb in [*VERBS, "detect"]:
            try:
                attack.run(verb)
            except BaseException as error:
                raise AssertionError(f"{verb} with {spoiled[0]} as {json.dumps(spoiled[1])[:1500]}") from error
        assert harm_done(attack) == []


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_any_body_anywhere_is_a_sentence(attack, body):
    draw = random.Random(len(body))
    for path in PATHS:
        attack.restore()
        attack.recorded.answers[path] = (draw.choice([200, 200, 202, 400, 500]), body)
        attack.run(draw.choice(VERBS))
        attack.run("detect")
        assert harm_done(attack) == []


@pytest.mark.parametrize("status", STATUSES)
def test_any_status_anywhere_is_a_sentence(attack, status):
    draw = random.Random(status)
    for path in PATHS:
        attack.restore()
        attack.recorded.answers[path] = (status, draw.choice([{}, {"error": 7}, {"error": {"@Message.ExtendedInfo": [7]}}, None]))
        attack.run(draw.choice(VERBS))
        attack.run("detect")
        assert harm_done(attack) == []
