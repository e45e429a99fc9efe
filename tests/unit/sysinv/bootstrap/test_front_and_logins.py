# SPDX-License-Identifier: Apache-2.0
"""The front's configuration comes from the installed APIs; refused logins take equally long and lock an address."""
import io
import json
import threading
import time

import pytest

from flock.core.slices import subsystems
from flock.testing.services.process import wait_for
from sysinv.bootstrap import logins, render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.front import BACKLOG, Listen, connection_limit, listens, nginx_conf, pattern, published_apis
from sysinv.bootstrap.logins import ADDRESS_ATTEMPTS_MAX, ATTEMPTS_MAX, LOCK_S, AddressLock, EqualTime
from sysinv.bootstrap.secrets import generate

ANSWERS = parse({"admin_password": "correct-horse"})


def test_every_installed_api_is_published_and_none_has_a_port_of_its_own():
    apis = published_apis()
    assert {api.name for api in apis} == {"keystone", "patching-vim", *subsystems()}
    text = nginx_conf(listens(ANSWERS.networks, "controller-0"), apis)
    for api in apis:
        assert f"server unix:{api.socket};" in text
        assert f"listen 127.0.0.1:{api.port} backlog={BACKLOG} ssl;" in text
    for file in render.service_files(ANSWERS, generate(), "controller-0"):
        assert "bind_host" not in file.content and "memcached" not in file.content


def test_tls_is_on_everywhere_except_where_it_is_switched_off():
    secured = nginx_conf(listens(ANSWERS.networks, "controller-0"), published_apis())
    assert all(line.strip().endswith(" ssl;") for line in secured.splitlines() if line.strip().startswith("listen "))
    mixed = nginx_conf(listens(ANSWERS.networks, "controller-0", {"oam"}), published_apis())
    oam, mgmt = ANSWERS.network("oam"), ANSWERS.network("mgmt")
    assert f"listen {oam.floating_address}:6385 backlog={BACKLOG};" in mixed
    assert f"listen {mgmt.floating_address}:6385 backlog={BACKLOG} ssl;" in mixed
    assert "ssl_certificate /etc/flock/tls/front.crt;" in mixed


def test_one_api_may_be_served_at_several_ports():
    (api,) = [api for api in published_apis() if api.name == "patching"]
    assert api.ports == (5497, 15491)
    conf = nginx_conf([Listen("127.0.0.1")], [api])
    assert all(conf.count(f"listen 127.0.0.1:{port} backlog={BACKLOG} ssl;") == 1 for port in api.ports)
    limit = connection_limit([api])
    assert conf.count("upstream patching {") == 1 and "5497, 15491" in limit
    # An address of another network is not believed before it is counted.
    assert limit.index("5497, 15491 } fib saddr . iif oif missing drop") < limit.index("jump opened")


def test_uploads_and_what_waits_for_a_task_have_limits_of_their_own():
    (api,) = [api for api in published_apis() if api.name == "patching"]
    lines = nginx_conf([Listen("127.0.0.1")], [api]).splitlines()
    of = {path: [line for line in lines if f"location ~ {pattern(path)} " in line]
          for path in ("/v1/release", "/v1/upload/{sha256}", "/v1/deploy/precheck", "/v1/deploy/complete")}
    for path in ("/v1/release", "/v1/upload/{sha256}"):
        (line,) = of[path]
        for words in ("proxy_read_timeout 3660s;", "client_max_body_size 68719476736;", "proxy_request_buffering off;",
                      "client_body_timeout 30s;", "auth_request /.front/token;"):
            assert words in line
    (line,) = of["/v1/deploy/precheck"]
    assert "proxy_read_timeout 3660s;" in line and "proxy_request_buffering" not in line
    assert of["/v1/deploy/complete"] == []


@pytest.mark.parametrize(("template", "expected"), [
    ("/", "^/$"), ("/v1/a.b", r"^/v1/a\.b/?$"), ("/v1/ihosts/{host}/state", "^/v1/ihosts/[^/]+/state/?$")])
def test_a_template_becomes_a_pattern(template, expected):
    assert pattern(template) == expected


def test_wrong_passwords_lock_in_front_of_keystone_only():
    files = {file.path: file.content for file in render.keystone_files(ANSWERS, generate())}
    conf, wsgi = files["/etc/keystone/keystone.conf"], files["/etc/keystone/flock_keystone_wsgi.py"]
    assert "lockout" not in conf
    assert wsgi.endswith(
        "application = guarded(keystone, ['fm', 'mtce', 'patching', 'sm', 'sysinv'])\n")
    compile(wsgi, "flock_keystone_wsgi.py", "exec")
    # All that needs no database is done before it stands by.
    assert 0 < wsgi.index("Client(keystone).get('/v3')") < wsgi.index("policy.enforce(") < wsgi.index(
        "\nwait_until_active(")
    assert "unix:/run/flock/keystone-cache/cache.sock" in conf


@pytest.mark.parametrize(("method", "path", "status", "waits"), [
    ("POST", "/v3/auth/tokens", "401 Unauthorized", True), ("POST", "/v3/auth/tokens/", "401 Unauthorized", True),
    ("POST", "/v3/auth/tokens", "201 Created", False), ("GET", "/v3/auth/tokens", "401 Unauthorized", False)])
@pytest.mark.parametrize("hash_s", [0.0, 0.1])
def test_a_refused_login_takes_equally_long(method, path, status, waits, hash_s):
    told = []

    def keystone(_environ, start_response):
        time.sleep(hash_s)
        start_response(status, [])
        return [b""]

    began = time.monotonic()
    EqualTime(keystone, refusal_s=0.2)({"REQUEST_METHOD": method, "PATH_INFO": path},
                                       lambda *answer: told.append(answer[0]))
    took_s = time.monotonic() - began
    assert told == [status]
    assert took_s >= 0.2 if waits else took_s < 0.2


class Keystone:
    """Accepts one password; ``asked`` are the passwords that it got."""

    def __init__(self):
        self.asked = []
        self.status = None
        self.lock = AddressLock(self, exempt={"sysinv"}, monotonic=lambda: self.now_s)
        self.now_s = 1000.0

    def __call__(self, environ, start_response):
        body = json.loads(environ["wsgi.input"].read())
        word = body["auth"]["identity"]["password"]["user"]["password"]
        self.asked.append(word)
        start_response(self.status or ("201 Created" if word == "right" else "401 Unauthorized"), [])
        return [b""]

    def login(self, word, address="10.10.10.9", **user):
        body = json.dumps({"auth": {"identity": {"methods": ["password"], "password": {
            "user": {"name": "admin", "password": word, **user}}}}}).encode()
        told = []
        self.lock({"REQUEST_METHOD": "POST", "PATH_INFO": "/v3/auth/tokens", "CONTENT_LENGTH": str(len(body)),
                   "wsgi.input": io.BytesIO(body), "REMOTE_ADDR": address}, lambda *answer: told.append(answer[0]))
        return int(told[0].split()[0])


def test_guessing_locks_the_user_for_the_address_that_guesses_only():
    keystone = Keystone()
    for number in range(20):
        assert keystone.login(f"guess-{number}") == 401
    assert len(keystone.asked) == ATTEMPTS_MAX
    assert keystone.login("right") == 401, "the right password is refused too"
    assert keystone.login("right", address="10.10.10.10") == 201
    assert keystone.login("right", name="operator") == 201
    keystone.now_s += LOCK_S
    assert keystone.login("right") == 201


def test_a_right_password_forgets_wrong_ones_and_an_outage_counts_none():
    keystone = Keystone()
    for _ in range(3):
        for _ in range(ATTEMPTS_MAX - 1):
            assert keystone.login("wrong") == 401
        assert keystone.login("right") == 201
    keystone.status = "503 Service Unavailable"
    for _ in range(3 * ATTEMPTS_MAX):
        assert keystone.login("right") == 503
    keystone.status = None
    assert keystone.login("right") == 201


def test_a_network_of_ipv6_counts_as_one_address_and_users_of_services_are_exempt():
    keystone = Keystone()
    for number in range(ATTEMPTS_MAX):
        assert keystone.login("wrong", address=f"2001:db8::{number}") == 401
        assert keystone.login("wrong", address="127.0.0.1", name="sysinv") == 401
        assert keystone.login("wrong", address="10.10.10.66", name="sysinv") == 401
    assert keystone.login("right", address="2001:db8::ffff") == 401
    assert keystone.login("right", address="10.10.10.66", name="sysinv") == 401, "only from this machine"
    assert keystone.login("right", address="2001:db8:0:1::1") == 201
    assert keystone.login("right", address="127.0.0.1", name="sysinv") == 201


def test_logins_in_progress_lock_nobody():
    keystone = Keystone()
    inside, go = threading.Semaphore(0), threading.Event()
    told = []

    def slow(environ, start_response):
        inside.release()
        assert go.wait(10)
        return keystone(environ, start_response)

    keystone.lock = AddressLock(slow)
    threads = [threading.Thread(target=lambda: told.append(keystone.login("right"))) for _ in range(4 * ATTEMPTS_MAX)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=10)
    go.set()
    for thread in threads:
        thread.join(10)
    assert told == [201] * len(threads)


@pytest.mark.parametrize(("address", "own"), [
    ("127.0.0.1", True), ("127.0.0.9", False), ("::1", True), ("192.0.2.1", False), ("", False), ("a name", False)])
def test_an_address_of_this_machine_is_known(address, own):
    # 127.0.0.9 belongs to this machine too, but a client that has it was bound to it on purpose.
    assert logins.is_own(address) is own


class Slow:
    """Keystone that holds every request until ``go``."""

    def __init__(self):
        self.inside, self.most, self.go = 0, 0, threading.Event()
        self.mutex = threading.Lock()
        self.arrived = threading.Semaphore(0)

    def __call__(self, environ, start_response):
        with self.mutex:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.arrived.release()
        assert self.go.wait(20)
        with self.mutex:
            self.inside -= 1
        start_response("201 Created", [])
        return [b""]


def ask(application, address, told, path="/v3/auth/tokens", method="POST", **headers):
    application({"REQUEST_METHOD": method, "PATH_INFO": path, "REMOTE_ADDR": address, **headers},
                lambda *answer: told.append(answer[0]))


def test_logins_from_other_machines_hold_only_their_share_of_threads():
    keystone, told = Slow(), []
    shares = logins.Shares(keystone, own=lambda address: address == "own", turn_s=0.05)
    threads = []
    for number in range(logins.STRANGERS_MAX):
        address = f"10.0.0.{number % 2}"
        threads.append(threading.Thread(target=ask, args=(shares, address, told)))
        threads[-1].start()
        assert keystone.arrived.acquire(timeout=10)
    ask(shares, "10.0.0.0", told)
    ask(shares, "10.0.0.9", told, "/v3/users/1/password", HTTP_X_AUTH_TOKEN="x")
    assert told == ["429 Too Many Requests"] * 2
    for address, method in (("own", "POST"), ("10.0.0.0", "GET")):
        threads.append(threading.Thread(target=ask, args=(shares, address, told), kwargs={"method": method}))
        threads[-1].start()
        assert keystone.arrived.acquire(timeout=10), "these have threads of their own"
    keystone.go.set()
    for thread in threads:
        thread.join(10)
    assert told[2:] == ["201 Created"] * (logins.STRANGERS_MAX + 2)
    ask(shares, "10.0.0.0", told)
    assert told[-1] == "201 Created"


def test_questions_of_strangers_leave_threads_to_the_apis_of_this_machine():
    """600 questions with invalid tokens, from 20 addresses, made each request of an operator wait for four seconds."""
    keystone, told = Slow(), []
    shares = logins.Shares(keystone, own=lambda address: address == "own", turn_s=0.05)
    threads = [threading.Thread(target=ask, args=(shares, f"10.0.0.{number}", told), kwargs={"method": "GET"})
               for number in range(logins.ASKERS_MAX)]
    threads += [threading.Thread(target=ask, args=(shares, "own", told), kwargs={"method": "GET"}) for _ in range(3)]
    for thread in threads:
        thread.start()
        assert keystone.arrived.acquire(timeout=10)
    ask(shares, "10.0.0.200", told, method="GET")
    assert told == ["429 Too Many Requests"]
    keystone.go.set()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize(("method", "share"), [
    ("POST", logins.ADDRESS_STRANGERS_MAX), ("GET", logins.ADDRESS_ASKERS_MAX)])
def test_one_address_has_a_smaller_share(method, share):
    keystone, told = Slow(), []
    shares = logins.Shares(keystone, own=lambda address: False, turn_s=0.05)
    threads = [threading.Thread(target=ask, args=(shares, "10.0.0.1", told), kwargs={"method": method})
               for _ in range(share)]
    for thread in threads:
        thread.start()
        assert keystone.arrived.acquire(timeout=10)
    ask(shares, "10.0.0.1", told, method=method)
    assert told == ["429 Too Many Requests"]
    keystone.go.set()
    for thread in threads:
        thread.join(10)


def test_a_client_that_sends_some_requests_at_once_waits_for_its_places():
    """StarlingX's clients log in for each command, and do not try again after 429."""
    keystone, told = Slow(), []
    shares = logins.Shares(keystone, own=lambda address: False, turn_s=10)
    at_once = logins.ADDRESS_STRANGERS_MAX + logins.ADDRESS_WAITING_MAX
    threads = [threading.Thread(target=ask, args=(shares, "10.0.0.1", told)) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for _ in range(logins.ADDRESS_STRANGERS_MAX):
        assert keystone.arrived.acquire(timeout=10)
    wait_for(lambda: shares._logins._waiting["10.0.0.1"] == logins.ADDRESS_WAITING_MAX, 10, "the others to wait")
    ask(shares, "10.0.0.1", told)
    assert told == ["429 Too Many Requests"], "one more than may wait"
    keystone.go.set()
    for thread in threads:
        thread.join(10)
    assert told[1:] == ["201 Created"] * at_once
    assert keystone.most == logins.ADDRESS_STRANGERS_MAX
    assert not shares._logins._inside and not shares._logins._waiting, "addresses are forgotten"


def test_addresses_together_wait_within_a_limit():
    keystone, told = Slow(), []
    shares = logins.Shares(keystone, own=lambda address: False, turn_s=10)
    at_once = logins.STRANGERS_MAX + logins.WAITING_MAX
    threads = [threading.Thread(target=ask, args=(shares, f"10.0.1.{number}", told)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    wait_for(lambda: shares._logins._waiting.total() == logins.WAITING_MAX, 10, "the others to wait")
    ask(shares, "10.0.0.1", told)
    assert told == ["429 Too Many Requests"]
    keystone.go.set()
    for thread in threads:
        thread.join(10)
    assert told[1:] == ["201 Created"] * at_once


def test_keystone_judges_one_login_at_a_time_and_this_machine_and_others_take_turns():
    keystone, told, order = Slow(), [], []
    turns = logins.OneAtATime(keystone, own=lambda address: address == "own", turn_s=0.05)
    first = threading.Thread(target=ask, args=(turns, "10.0.0.1", told))
    first.start()
    assert keystone.arrived.acquire(timeout=10)
    ask(turns, "10.0.0.2", told)
    ask(turns, "own", told)
    assert told == ["429 Too Many Requests"] * 2
    turns._turn_s = 10

    def then(address):
        turns({"REQUEST_METHOD": "POST", "PATH_INFO": "/v3/auth/tokens", "REMOTE_ADDR": address},
              lambda *answer: order.append(address))

    threads = [threading.Thread(target=then, args=(address,)) for address in ("10.0.0.3", "own", "10.0.0.3", "own")]
    for thread in threads:
        thread.start()
    wait_for(lambda: turns._waiting == {True: 2, False: 2}, 10, "all to wait")
    keystone.go.set()
    for thread in [first, *threads]:
        thread.join(10)
    # Nobody keeps the others out: the services' own logins did so on a slow machine.
    assert order == ["own", "10.0.0.3"] * 2
    assert keystone.most == 1


def test_changing_a_password_counts_as_a_login():
    keystone, told = Keystone(), []
    keystone.lock._application = lambda environ, start: [start("401 Unauthorized", [])] and [b""]
    for _ in range(ATTEMPTS_MAX):
        ask(keystone.lock, "10.0.0.1", told, "/v3/users/abc/password")
    keystone.lock._application = None
    ask(keystone.lock, "10.0.0.1", told, "/v3/users/abc/password")
    assert told == ["401 Unauthorized"] * (ATTEMPTS_MAX + 1)


def test_an_address_that_guesses_names_is_locked_for_all_of_them():
    keystone = Keystone()
    for number in range(2 * ADDRESS_ATTEMPTS_MAX):
        assert keystone.login("wrong", name=f"user-{number}") == 401
    assert len(keystone.asked) == ADDRESS_ATTEMPTS_MAX
    assert keystone.login("right", address="10.10.10.10") == 201
    keystone.now_s += LOCK_S
    assert keystone.login("right") == 201


def test_a_locked_address_holds_no_thread():
    keystone = Keystone()
    keystone.lock = AddressLock(EqualTime(keystone, refusal_s=0.05))
    for _ in range(ATTEMPTS_MAX):
        keystone.login("wrong")
    keystone.lock._application._refusal_s = 60.0
    assert keystone.login("wrong") == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"auth": 1}', b'{"auth": {"identity": {"methods": ["token"]}}}',
                                  b"[" * 100_000])
def test_a_body_that_names_no_user_is_left_to_keystone(body):
    seen = []

    def keystone(environ, start_response):
        seen.append(environ["wsgi.input"].read())
        start_response("400 Bad Request", [])
        return [b""]

    AddressLock(keystone)({"REQUEST_METHOD": "POST", "PATH_INFO": "/v3/auth/tokens", "CONTENT_LENGTH": str(len(body)),
                           "wsgi.input": io.BytesIO(body), "REMOTE_ADDR": "x"}, lambda *_answer: None)
    assert seen == [body]


def test_the_memory_of_attempts_is_limited(monkeypatch):
    monkeypatch.setattr(logins, "PLACES_MAX", 10)
    keystone = Keystone()
    for number in range(100):
        keystone.login("wrong", address=f"10.0.0.{number}")
    assert len(keystone.lock._failures) == 10
