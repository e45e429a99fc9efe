# SPDX-License-Identifier: Apache-2.0
"""The files of the first controller: complete, private where they hold secrets, stable."""
import base64
import configparser
import datetime
import hashlib
import json
import re

from cryptography import x509

from flock import tls
from sysinv.bootstrap import bus, render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.certificates import ROLES, authority_files, certificate_files
from sysinv.bootstrap.secrets import generate, load_or_create

ANSWERS = parse({"admin_password": "correct-horse", "public_host": "127.0.0.1",
                 "overrides": {"mtce": {"agent": {"heartbeat_period_ms": 100}}}})
SECRETS = generate()


def every_file():
    return [*render.host_files(ANSWERS, "controller-0"), *bus.bus_files(ANSWERS, SECRETS, b"salt", "controller-0"),
            *render.keystone_files(ANSWERS, SECRETS), *render.service_files(ANSWERS, SECRETS, "controller-0"),
            render.platform_conf(ANSWERS, "controller-0", None)]


def test_secrets_are_only_in_private_files():
    values = [*bus.passwords(SECRETS, "controller-0").values(), SECRETS.heartbeat_key,
              SECRETS.database_password,
              *SECRETS.keystone.values(), ANSWERS.admin_password]
    for file in every_file():
        if any(value in file.content for value in values):
            assert file.mode == render.PRIVATE, file.path
    assert ANSWERS.admin_password not in "".join(file.content for file in every_file())


def test_bus_accounts_can_be_verified_and_a_host_reaches_only_its_own_queues():
    definitions = json.loads(next(file.content for file in bus.bus_files(ANSWERS, SECRETS, b"salt", "controller-0")
                                  if file.path.endswith("definitions.json")))
    passwords = bus.passwords(SECRETS, "controller-0")
    assert len(set(passwords.values())) == len(passwords) == len(definitions["users"])
    for user in definitions["users"]:
        raw = base64.b64decode(user["password_hash"])
        assert raw[4:] == hashlib.sha256(raw[:4] + passwords[user["name"]].encode()).digest()
    rights = next(entry for entry in definitions["permissions"] if entry["user"] == "host.controller-0")
    for own in ("sysinv.agent_manager.controller-0", "mtce.agent.controller-0", "reply_host.controller-0_0a1b"):
        assert re.search(rights["read"], own) and not re.search(rights["write"], own), own
    queues = {queue["name"] for queue in definitions["queues"]}
    assert {"mtce.agent.controller-0", "reply_host.controller-0_0"} < queues
    assert {row["destination"] for row in definitions["bindings"] if row["destination_type"] == "queue"} < queues
    for foreign in ("fm.manager", "mtce.conductor", "sysinv.conductor_manager", "mtce.agent.controller-01",
                    "mtce.agent", "mtce.agent_fanout", "reply_host.controller-1_0a", "reply_0a1b", "amq.default"):
        assert not any(re.search(rights[right], foreign) for right in ("configure", "read", "write")), foreign
    assert rights["configure"] == "^$"


def test_each_daemon_has_an_account_and_only_the_conductor_administers_the_bus():
    files = {file.path: file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")}
    assert "rabbit://host.controller-0:" in files["/etc/flock/flock.conf"]
    assert "rabbit://service.fm-api:" in files["/etc/flock/fm-api.conf"]
    holders = [path for path, content in files.items() if bus.admin_password(SECRETS) in content]
    assert holders == ["/etc/flock/sysinv-conductor.conf"]


def test_override_reaches_the_subsystem_file():
    text = next(file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")
                if file.path == "/etc/flock/mtce.conf")
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser.get("agent", "heartbeat_period_ms") == "100"
    assert parser.get("keystone_authtoken", "username") == "mtce"


def test_values_with_dollar_survive_oslo_interpolation():
    assert "pa$$word" in render.ini({"a": {"b": "pa$word"}})


def test_networks_keep_floating_addresses_and_do_not_set_them():
    files = {file.path: file.content for file in render.host_files(ANSWERS, "controller-0")}
    mgmt = files["/etc/systemd/network/10-flock-mgmt.network"]
    assert "Address=192.168.204.2/24" in mgmt and "192.168.204.1/" not in mgmt
    assert "KeepConfiguration=static" in mgmt
    assert "KeepConfiguration" not in files["/etc/systemd/network/10-flock-bmc.network"], "nothing floats there"


def test_secrets_are_made_once_and_private(tmp_path):
    path = tmp_path / "flock" / "secrets.json"
    first = load_or_create(path)
    assert load_or_create(path) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_bus_listens_with_tls_only_and_its_port_mapper_on_loopback():
    files = {file.path: file.content for file in bus.bus_files(ANSWERS, SECRETS, b"salt", "controller-0")}
    lines = files["/etc/rabbitmq/rabbitmq.conf"].splitlines()
    assert [line for line in lines if line.startswith("listeners.")] == [
        "listeners.tcp = none", "listeners.ssl.local = 127.0.0.1:5671", "listeners.ssl.mgmt = 192.168.204.1:5671"]
    assert "ssl_options.verify = verify_peer" in lines and "ssl_options.fail_if_no_peer_cert = true" in lines
    assert files["/etc/systemd/system/epmd.socket.d/flock.conf"].splitlines() == [
        "[Socket]", "ListenStream=", "ListenStream=127.0.0.1:4369"]


def test_programs_that_also_run_on_a_standby_controller_ask_for_the_bus_at_the_floating_address():
    """RabbitMQ runs only on the active controller."""
    files = {file.path: file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")}
    floating = {path for path, content in files.items() if "@controller:5671/" in content}
    local = {path for path, content in files.items() if "@127.0.0.1:5671/" in content}
    assert floating == {"/etc/flock/flock.conf", "/etc/flock/sm-alarms.conf"}
    assert "/etc/flock/sysinv-conductor.conf" in local and not floating & local


def test_certificates_name_every_address_of_the_controller_and_the_key_is_private():
    now = datetime.datetime.now(datetime.UTC)
    files = authority_files(ANSWERS, now)
    assert [(file.path, file.mode) for file in files] == [
        ("/opt/platform/flock/authority/ca.key", 0o600), ("/opt/platform/flock/authority/ca.crt", 0o644)]
    authority = tls.Authority(files[1].content.encode(), files[0].content.encode())
    key, crt = certificate_files(ROLES[0], authority, ANSWERS, "controller-0", now)
    assert key.mode == 0o600 and key.path == "/etc/flock/tls/rabbitmq.key"
    names = x509.load_pem_x509_certificate(crt.content.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    assert {"controller", "pxecontroller", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    assert {"127.0.0.1", "192.168.204.1", "192.168.204.2", "169.254.202.1", "10.10.10.1", "10.10.10.3"} <= addresses


def test_sm_api_has_an_account_but_no_database():
    files = {file.path: file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")}
    parser = configparser.RawConfigParser()
    parser.read_string(files["/etc/flock/sm.conf"])
    assert parser.get("keystone_authtoken", "username") == "sm" and not parser.has_section("database")
    assert parser.get("api", "bind_socket") == "/run/flock/sm-api/api.sock"
    assert "service.sm-alarms" in files["/etc/flock/sm-alarms.conf"]


def test_an_older_system_gets_passwords_of_new_services_and_keeps_the_others(tmp_path):
    path = tmp_path / "secrets.json"
    known = load_or_create(path)
    document = json.loads(path.read_text())
    del document["keystone"]["sm"]
    path.write_text(json.dumps(document))
    later = load_or_create(path)
    assert later.keystone.pop("sm") and known.keystone.pop("sm") and later == known
    assert load_or_create(path).keystone["sm"]
