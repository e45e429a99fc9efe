# SPDX-License-Identifier: Apache-2.0
"""Pure rendering of every file that the first controller needs before its services start."""
from __future__ import annotations

import base64
import configparser
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sysinv.bootstrap.answers import Answers, NetworkAnswer
from sysinv.bootstrap.secrets import SystemSecrets
from sysinv.model.hostfiles import (
    DOMAIN,
    PRIVATE,
    PUBLIC,
    RenderedFile,
    hosts_file,
    network_file,
    platform_file,
)

KEYSTONE_PORT = 5000
BUS_PORT = 5672
MEMCACHED = "127.0.0.1:11211"
# Below the runtime directory of its unit, which only Keystone may enter.
KEYSTONE_CACHE = "unix:/run/flock/keystone-cache/cache.sock"
# Permissions of the agents' bus account: queues of agents and reply queues, but not those of conductors.
_AGENT_QUEUES = r"(sysinv\.agent_manager|mtce\.agent)(_fanout.*|\..*)?"
AGENT_CONFIGURE = rf"^(flock|{_AGENT_QUEUES}|reply_.*)$"
AGENT_WRITE = rf"^(amq\.default|flock|{_AGENT_QUEUES}|reply_.*)$"
AGENT_READ = AGENT_CONFIGURE
# Limits the requests queued for a host that is cut off; the sender repeats those that it still needs.
AGENT_QUEUE_LIMITS = {"max-length": 1000, "overflow": "drop-head", "message-ttl": 600_000}

Sections = Mapping[str, Mapping[str, Any]]


def ini(sections: Sections) -> str:
    """Return oslo.config text; keeps ``%`` and ``$`` unchanged, omits None values."""
    parser = configparser.RawConfigParser(default_section="\0unused")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for name, options in sections.items():
        parser.add_section(name)
        for option, value in options.items():
            if value is not None:
                parser.set(name, option, _ini_value(value))
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def _ini_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("$", "$$")


def merged(base: Sections, extra: Sections) -> dict[str, dict[str, Any]]:
    """Return ``base`` overridden by the options of ``extra``."""
    result = {name: dict(options) for name, options in base.items()}
    for name, options in extra.items():
        result.setdefault(name, {}).update(options)
    return result


def host_files(answers: Answers, hostname: str) -> list[RenderedFile]:
    """Return the files of the controller's own identity and networks."""
    mgmt, oam = answers.network("mgmt"), answers.network("oam")
    names = (
        (mgmt.controller0_address, f"{hostname} {hostname}.{DOMAIN}"),
        (answers.controller_ip, f"controller controller.{DOMAIN}"),
        (oam.controller0_address, f"{hostname}-oam"),
        (answers.network("pxeboot").floating_address, "pxecontroller"),
    )
    known = [(address, given) for address, given in names if address]
    return [RenderedFile("/etc/hostname", PUBLIC, hostname + "\n"), hosts_file(known),
            *(_network_file(network) for network in answers.networks)]


def _network_file(network: NetworkAnswer) -> RenderedFile:
    addresses = filter(None, (network.controller0_address, network.floating_address))
    return network_file(network.name, network.interface, addresses, network.prefix, network.gateway_address)


def bus_files(answers: Answers, secrets: SystemSecrets, salt: bytes) -> list[RenderedFile]:
    """Return RabbitMQ's files: listeners on loopback and management, and two accounts, imported at its start.

    ``salt`` has four bytes; RabbitMQ's salted SHA-256 form is base64(salt + sha256(salt + password)).
    """
    definitions = {
        "vhosts": [{"name": "/"}],
        "users": [
            {"name": name, "password_hash": rabbit_hash(password, salt), "tags": "",
             "hashing_algorithm": "rabbit_password_hashing_sha256"}
            for name, password in (("flock", secrets.rabbit_service_password), ("agent", secrets.rabbit_agent_password))
        ],
        "permissions": [
            {"user": "flock", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
            {"user": "agent", "vhost": "/", "configure": AGENT_CONFIGURE, "write": AGENT_WRITE, "read": AGENT_READ},
        ],
        "policies": [{"vhost": "/", "name": "agents", "pattern": f"^{_AGENT_QUEUES}$", "apply-to": "queues",
                      "priority": 0, "definition": AGENT_QUEUE_LIMITS}],
    }
    conf = [
        f"listeners.tcp.local = 127.0.0.1:{BUS_PORT}",
        f"listeners.tcp.mgmt = {answers.controller_ip}:{BUS_PORT}",
        "load_definitions = /etc/rabbitmq/definitions.json",
        "vm_memory_high_watermark.absolute = 512MiB",
        "disk_free_limit.absolute = 200MB",
        "log.file.level = warning",
        "heartbeat = 30",
    ]
    environment = [
        "NODENAME=rabbit@localhost",
        "ERL_EPMD_ADDRESS=127.0.0.1",
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} '
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"',
    ]
    return [
        RenderedFile("/etc/rabbitmq/definitions.json", 0o640, json.dumps(definitions, indent=1) + "\n"),
        RenderedFile("/etc/rabbitmq/rabbitmq.conf", PUBLIC, "\n".join(conf) + "\n"),
        RenderedFile("/etc/rabbitmq/rabbitmq-env.conf", PUBLIC, "\n".join(environment) + "\n"),
        RenderedFile("/etc/rabbitmq/enabled_plugins", PUBLIC, "[].\n"),
    ]


def rabbit_hash(password: str, salt: bytes) -> str:
    """Return RabbitMQ's stored form of a password (see its documentation, "Password hashing")."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def keystone_files(answers: Answers, secrets: SystemSecrets) -> list[RenderedFile]:
    """Return Keystone's configuration and the module that its WSGI server loads."""
    conf = ini({
        "DEFAULT": {"use_stderr": True, "log_dir": None},
        "database": {"connection": database_url(answers, secrets, "keystone", "/var/lib/keystone")},
        "fernet_tokens": {"key_repository": "/etc/keystone/fernet-keys"},
        "fernet_receipts": {"key_repository": "/etc/keystone/fernet-keys"},
        "credential": {"key_repository": "/etc/keystone/credential-keys"},
        "cache": {"enabled": True, "backend": "dogpile.cache.memcached", "memcache_servers": KEYSTONE_CACHE},
        "oslo_policy": {"enforce_scope": True},
    })
    # Keystone parses sys.argv on import and would exit on the server's arguments.
    wsgi = "import sys\n\nsys.argv = ['keystone']\n\nfrom keystone.wsgi.api import application  # noqa: E402,F401\n"
    return [
        RenderedFile("/etc/keystone/keystone.conf", PRIVATE, conf),
        RenderedFile("/etc/keystone/flock_keystone_wsgi.py", PUBLIC, wsgi),
    ]


def database_url(answers: Answers, secrets: SystemSecrets, name: str, directory: str) -> str:
    """Return the SQLAlchemy URL of one service's database: PostgreSQL over loopback as user ``flock``, or SQLite."""
    if answers.database == "postgresql":
        return f"postgresql+psycopg2://flock:{secrets.database_password}@127.0.0.1/{name}"
    return f"sqlite:///{directory}/{name}.sqlite"


def service_files(answers: Answers, secrets: SystemSecrets) -> list[RenderedFile]:
    """Return the files in /etc/flock: the shared file and one file per subsystem, readable only by root."""
    auth_url = f"http://127.0.0.1:{KEYSTONE_PORT}/v3"
    shared: dict[str, dict[str, Any]] = {
        "DEFAULT": {"transport_url": f"rabbit://flock:{secrets.rabbit_service_password}@127.0.0.1:{BUS_PORT}/"},
    }
    files = [RenderedFile("/etc/flock/flock.conf", PRIVATE, ini(merged(shared, answers.overrides.get("flock", {})))),
             RenderedFile("/etc/flock/heartbeat.key", PRIVATE, secrets.heartbeat_key + "\n")]
    for subsystem in ("fm", "sysinv", "mtce"):
        sections = _subsystem_sections(answers, secrets, subsystem, auth_url)
        files.append(RenderedFile(f"/etc/flock/{subsystem}.conf", PRIVATE,
                                  ini(merged(sections, answers.overrides.get(subsystem, {})))))
    return files


def _subsystem_sections(answers: Answers, secrets: SystemSecrets, subsystem: str,
                        auth_url: str) -> dict[str, dict[str, Any]]:
    credentials = {
        "auth_type": "password", "auth_url": auth_url, "username": subsystem, "password": secrets.keystone[subsystem],
        "project_name": "services", "user_domain_name": "Default", "project_domain_name": "Default",
    }
    sections: dict[str, dict[str, Any]] = {
        "database": {"connection": database_url(answers, secrets, subsystem, f"/var/lib/flock/{subsystem}")},
        "keystone_authtoken": {**credentials, "www_authenticate_uri": auth_url, "memcached_servers": MEMCACHED,
                               "token_cache_time": 300, "service_token_roles_required": True},
        "api": {"bind_host": "0.0.0.0"},  # noqa: S104 - management and OAM clients connect; tokens authenticate
    }
    if subsystem == "fm":
        sections["fm"] = {"region_name": answers.region_name, "system_name": answers.name}
    if subsystem == "mtce":
        sections["heartbeat"] = {"sender": True}
    if subsystem == "sysinv":
        sections["bootstrap"] = {"agent_transport_url":
                                 f"rabbit://agent:{secrets.rabbit_agent_password}@controller:{BUS_PORT}/"}
    return sections


def platform_conf(answers: Answers, hostname: str, host_uuid: str | None) -> RenderedFile:
    """Return /etc/platform/platform.conf in StarlingX's ``key=value`` form; ``host_uuid`` is None while unknown."""
    all_in_one = answers.system_type == "All-in-one"
    lines = {
        "nodetype": "controller",
        "subfunction": "controller,worker" if all_in_one else "controller",
        "system_type": answers.system_type,
        "system_mode": answers.system_mode,
        "region_name": answers.region_name,
        "management_interface": answers.network("mgmt").interface,
        "cluster_host_interface": answers.network("cluster-host").interface,
        "oam_interface": answers.network("oam").interface,
        "hostname": hostname,
    }
    if host_uuid is not None:
        lines["UUID"] = host_uuid
    return platform_file(lines)


def paths(files: Iterable[RenderedFile]) -> list[str]:
    """Return the paths of ``files`` in order, for messages."""
    return [file.path for file in files]
