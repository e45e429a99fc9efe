# SPDX-License-Identifier: Apache-2.0
"""BMCs that answer rubbish, anywhere: every command ends in time, with a sentence, and never hits another system."""
import copy
import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flock.sim.world import scaled
from mtce.bmc.interfaces import BmcError, PowerState
from mtce.bmc.redfish import RedfishBoot, RedfishPower
from mtce.bmc.session import RedfishSettings, Session, is_redfish

SYSTEM = "/redfish/v1/Systems/437XR1138R2"
OTHER = "/redfish/v1/Systems/HGX_Board_0"
PATHS = ["/redfish/v1", "/redfish/v1/Systems", SYSTEM, "/redfish/v1/SessionService",
         "/redfish/v1/SessionService/Sessions", SYSTEM + "/Actions/ComputerSystem.Reset", "/redfish"]
VERBS = ["query", "power-on", "power-off", "reset", "netboot"]
ANY = [None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "On", [], [None], ["On"], [[]], {}, {"": {}}, [{}],
       {"@odata.id": 7}, {"@odata.id": "/"}, {"@odata.id": SYSTEM}, {"@odata.id": "http://127.0.0.1:1/"}, "https://[",
       "//", "../..", OTHER, OTHER + "/Actions/ComputerSystem.Reset", "http://127.0.0.1:1/x"]
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
    found = list(places(spoiled))
    if not found:
        return draw.choice(ANY)
    *way, last = draw.choice(found)
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
    return [line for line in attack.recorded.requests
            if line.split()[0] in ("POST", "PATCH") and "/Systems/" in line and SYSTEM not in line]


@pytest.fixture
def elsewhere():
    """Another server; the requests that it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            got.append((self.command, dict(self.headers)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, *words):
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    thread.join(10)
    server.server_close()


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
        attack.recorded.answers[path] = (status, draw.choice([
            {}, {"error": 7}, {"error": {"@Message.ExtendedInfo": [7]}}, None]))
        attack.run(draw.choice(VERBS))
        attack.run("detect")
        assert harm_done(attack) == []


@pytest.mark.soak
def test_several_wrong_members_are_a_sentence(attack):
    for _ in range(scaled(4)):
        seed = random.SystemRandom().randrange(2**31)
        draw = random.Random(seed)
        attack.restore()
        attack.recorded.add_system("HGX_Board_0", Boot=None)
        spoiled = {spoil_tree(attack, draw)[0] for _ in range(draw.randrange(1, 4))}
        for verb in [*VERBS, "detect"]:
            try:
                attack.run(verb)
            except BaseException as error:
                raise AssertionError(f"{verb}, seed {seed}") from error
        # Nobody can tell that a BMC leaves the host's system out of its list.
        assert spoiled & {"/redfish/v1", "/redfish/v1/Systems"} or harm_done(attack) == [], f"seed {seed}"


def test_a_reset_without_an_answer_is_ordered_once(attack):
    """The BMC resets the host and says nothing: another order would reset it again."""
    orders, end = [], threading.Event()

    def silent():
        orders.append("reset")
        end.wait(10)
        return 204, None

    attack.recorded.answers[SYSTEM + "/Actions/ComputerSystem.Reset"] = silent
    assert "reset" in attack.run("reset")
    end.set()
    assert orders == ["reset"]


@pytest.mark.parametrize("answer", [(500, b"<html>"), (200, b"[" * 5000), (401, {}), (302, None)])
def test_what_the_end_of_a_session_answers_does_not_undo_the_command(attack, answer):
    attack.recorded.answers["/redfish/v1/SessionService/Sessions/1"] = answer
    assert attack.run("reset") is None
    assert len(attack.recorded.resets) == 1


@pytest.mark.parametrize("verb", ["query", "reset", "netboot", "detect"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("status", [301, 307, 308])
def test_nothing_is_sent_on_to_another_server(attack, elsewhere, verb, path, status):
    url, got = elsewhere
    attack.recorded.locations[path] = url + path
    attack.recorded.answers[path] = (status, None)
    attack.run(verb)
    assert got == []


def test_a_target_on_another_server_is_not_ordered(attack, elsewhere):
    url, got = elsewhere
    attack.recorded.system["Actions"]["#ComputerSystem.Reset"]["target"] = url + "/reset"
    assert "is another server" in attack.run("reset")
    assert got == []


def test_a_redirect_to_a_final_slash_is_followed(attack):
    attack.recorded.locations[SYSTEM] = f"http://127.0.0.1:{attack.settings.port}{SYSTEM}x/"
    attack.recorded.tree[SYSTEM + "x"] = attack.recorded.tree[SYSTEM]
    attack.recorded.answers[SYSTEM] = (308, None)
    assert attack.run("query") is None


def test_a_redirect_in_circles_ends(attack):
    attack.recorded.locations[SYSTEM] = SYSTEM
    attack.recorded.answers[SYSTEM] = (302, None)
    assert "redirects more than 3 times" in attack.run("reset")


@pytest.mark.parametrize("named", [OTHER, OTHER + "/"])
def test_the_record_or_reset_of_another_system_is_not_used(attack, named):
    attack.recorded.add_system("HGX_Board_0", Boot=None)
    attack.recorded.tree[SYSTEM]["@odata.id"] = named
    assert "is another system" in attack.run("reset")
    attack.restore()
    attack.recorded.add_system("HGX_Board_0", Boot=None)
    attack.recorded.system["Actions"]["#ComputerSystem.Reset"]["target"] = named + "/Actions/ComputerSystem.Reset"
    assert "is another system" in attack.run("reset")
    assert attack.recorded.resets == []


@pytest.mark.parametrize("offered", [[], [""], [None], "On", {}, 7, ["Nmi"]])
def test_a_bmc_that_offers_nothing_resets_nothing_unknown(attack, offered):
    attack.recorded.system["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"] = offered
    attack.run("reset")
    assert set(attack.recorded.resets) <= {"ForceRestart"}


def test_a_trickled_answer_ends_with_the_command(attack):
    attack.recorded.trickled.add(SYSTEM)
    assert "did not end in time" in attack.run("query")
    attack.recorded.trickled.add("/redfish/v1")
    attack.run("detect")
