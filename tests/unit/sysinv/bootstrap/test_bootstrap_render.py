# SPDX-License-Identifier: Apache-2.0
"""The files of the first controller: complete, private where they hold secrets, stable."""
import base64
import configparser
import hashlib
import json
import re

from sysinv.bootstrap import render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.secrets import generate, load_or_create

ANSWERS = parse({"admin_password": "correct-horse", "public_host": "127.0.0.1",
                 "overrides": {"mtce": {"agent": {"heartbeat_period_ms": 100}}}})
SECRETS = generate()


def every_file():
    return [*render.host_files(ANSWERS, "controller-0"), *render.bus_files(ANSWERS, SECRETS, b"salt"),
            *render.keystone_files(ANSWERS, SECRETS), *render.service_files(ANSWERS, SECRETS),
            render.platform_conf(ANSWERS, "controller-0", None)]


def test_secrets_are_only_in_private_files():
    values = [SECRETS.rabbit_service_password, SECRETS.rabbit_agent_password, SECRETS.heartbeat_key,
              SECRETS.database_password,
              *SECRETS.keystone.values(), ANSWERS.admin_password]
    for file in every_file():
        if any(value in file.content for value in values):
            assert file.mode == render.PRIVATE, file.path
    assert ANSWERS.admin_password not in "".join(file.content for file in every_file())


def test_bus_accounts_can_be_verified_and_agents_cannot_reach_conductor_queues():
    definitions = json.loads(next(file.content for file in render.bus_files(ANSWERS, SECRETS, b"salt")
                                  if file.path.endswith("definitions.json")))
    agent = next(user for user in definitions["users"] if user["name"] == "agent")
    raw = base64.b64decode(agent["password_hash"])
    assert raw[4:] == hashlib.sha256(raw[:4] + SECRETS.rabbit_agent_password.encode()).digest()
    rights = next(entry for entry in definitions["permissions"] if entry["user"] == "agent")
    for own in ("sysinv.agent_manager", "sysinv.agent_manager.worker-0", "mtce.agent.worker-0", "reply_0a1b", "flock"):
        assert all(re.match(rights[right], own) for right in ("configure", "write", "read")), own
    for foreign in ("fm.manager", "mtce.conductor", "sysinv.conductor_manager", "mtce.agentx"):
        assert not any(re.match(rights[right], foreign) for right in ("configure", "read")), foreign


def test_override_reaches_the_subsystem_file():
    text = next(file.content for file in render.service_files(ANSWERS, SECRETS) if file.path == "/etc/flock/mtce.conf")
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser.get("agent", "heartbeat_period_ms") == "100"
    assert parser.get("keystone_authtoken", "username") == "mtce"


def test_values_with_dollar_survive_oslo_interpolation():
    assert "pa$$word" in render.ini({"a": {"b": "pa$word"}})


def test_networks_have_unit_and_floating_address():
    text = next(file.content for file in render.host_files(ANSWERS, "controller-0") if "-mgmt.network" in file.path)
    assert "Address=192.168.204.2/24" in text and "Address=192.168.204.1/24" in text


def test_secrets_are_made_once_and_private(tmp_path):
    path = tmp_path / "flock" / "secrets.json"
    first = load_or_create(path)
    assert load_or_create(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
