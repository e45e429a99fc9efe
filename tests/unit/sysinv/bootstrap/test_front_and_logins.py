# SPDX-License-Identifier: Apache-2.0
"""The front's configuration comes from the installed APIs; refused logins take equally long and lock a user."""
import time

import pytest

from flock.core.slices import subsystems
from sysinv.bootstrap import render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.equaltime import EqualTime
from sysinv.bootstrap.front import listens, nginx_conf, pattern, published_apis
from sysinv.bootstrap.secrets import generate

ANSWERS = parse({"admin_password": "correct-horse"})


def test_every_installed_api_is_published_and_none_has_a_port_of_its_own():
    apis = published_apis()
    assert {api.name for api in apis} == {"keystone", *subsystems()}
    text = nginx_conf(listens(ANSWERS.networks), apis)
    for api in apis:
        assert f"server unix:{api.socket};" in text
        assert f"listen 127.0.0.1:{api.port} ssl;" in text
    for file in render.service_files(ANSWERS, generate(), "controller-0"):
        assert "bind_host" not in file.content and "memcached" not in file.content


def test_tls_is_on_everywhere_except_where_it_is_switched_off():
    secured = nginx_conf(listens(ANSWERS.networks), published_apis())
    assert all(line.strip().endswith(" ssl;") for line in secured.splitlines() if line.strip().startswith("listen "))
    mixed = nginx_conf(listens(ANSWERS.networks, {"oam"}), published_apis())
    oam, mgmt = ANSWERS.network("oam"), ANSWERS.network("mgmt")
    assert f"listen {oam.floating_address}:6385;" in mixed
    assert f"listen {mgmt.floating_address}:6385 ssl;" in mixed
    assert "ssl_certificate /etc/flock/tls/front.crt;" in mixed


@pytest.mark.parametrize(("template", "expected"), [
    ("/", "^/$"), ("/v1/a.b", r"^/v1/a\.b/?$"), ("/v1/ihosts/{host}/state", "^/v1/ihosts/[^/]+/state/?$")])
def test_a_template_becomes_a_pattern(template, expected):
    assert pattern(template) == expected


def test_wrong_passwords_lock():
    conf = next(file.content for file in render.keystone_files(ANSWERS, generate()) if file.path.endswith(".conf"))
    assert "lockout_failure_attempts = 5" in conf and "lockout_duration = 60" in conf
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
