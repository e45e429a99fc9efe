# SPDX-License-Identifier: Apache-2.0
"""Pure rendering of every file that the first controller needs before its services start."""
from __future__ import annotations

import configparser
import io
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from flock.conf import shared
from flock.rpc.accounts import host_account, service_account
from flock.service import standby
from sysinv.bootstrap import bus, logins
from sysinv.bootstrap.answers import Answers, NetworkAnswer
from sysinv.bootstrap.front import (
    CONFIGURATION,
    CONNECTION_ENDS,
    CONNECTION_LIMIT,
    KEYSTONE_PORT,
    ROOMS,
    Published,
    connection_ends,
    connection_limit,
    listens,
    nginx_conf,
    socket_path,
)
from sysinv.bootstrap.secrets import SERVICE_USERS, SystemSecrets
from sysinv.model import busaccounts
from sysinv.model.hostfiles import (
    AUTHORITIES_FILE,
    BUS_TLS,
    DOMAIN,
    PRIVATE,
    PUBLIC,
    TLS_DIRECTORY,
    RenderedFile,
    hosts_file,
    network_file,
    platform_file,
)
from sysinv.model.hostname import CONTROLLER_NAMES

MANAGEMENT_URL, SOFTWARE_URL = "https://127.0.0.1:7777", "https://127.0.0.1:5497"
"""sm-api of the same controller. Its callers run where the leader is, and only the leader carries commands out."""
# Below the runtime directory of its unit, which only Keystone may enter.
KEYSTONE_CONF = "/etc/keystone/keystone.conf"
KEYSTONE_CACHE = "unix:/run/flock/keystone-cache/cache.sock"

# A short lock: it slows a guess, and somebody who guesses cannot keep an operator out for long.

DATABASE_TLS = f"?sslmode=verify-full&sslrootcert={AUTHORITIES_FILE}"
DATABASE_SERVER_TLS = {
    "ssl": "on", "ssl_ca_file": AUTHORITIES_FILE,
    "ssl_cert_file": f"{TLS_DIRECTORY}/postgresql.crt", "ssl_key_file": f"{TLS_DIRECTORY}/postgresql.key",
    "ssl_min_protocol_version": "TLSv1.2",
}
# The superuser only on the local socket; everybody else with TLS.
DATABASE_ACCESS = """\
local all postgres peer
hostssl all flock 127.0.0.1/32 scram-sha-256
"""


# Longer than service management takes to move all services away (stop_s), for which it delays a shutdown.
LOGIND_CONF = "[Login]\nInhibitDelayMaxSec=75\n"


Sections = Mapping[str, Mapping[str, Any]]


def database_conf(answers: Answers, hostname: str) -> str:
    """The settings of PostgreSQL that differ from Debian's, for its directory conf.d.

    What is read only at a start of the server is as two controllers need it, so that no start is needed when the second
    one comes. Until then nobody may log in over the management network.
    """
    # Debian's default, "localhost", depends on what that name means on this host.
    own = () if answers.lacks_for_two else (answers.network("mgmt").own_address(hostname),)
    values = {"listen_addresses": ",".join(filter(None, ("127.0.0.1", *own))), "wal_log_hints": "on",
              **DATABASE_SERVER_TLS}
    return "".join(f"{name} = '{value}'\n" for name, value in values.items())


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
        *((mgmt.own_address(name), f"{name} {name}.{DOMAIN}") for name in CONTROLLER_NAMES),
        (answers.controller_ip, f"controller controller.{DOMAIN}"),
        (oam.own_address(hostname), f"{hostname}-oam"),
        (answers.network("pxeboot").floating_address, "pxecontroller"),
    )
    known = [(address, given) for address, given in names if address]
    return [RenderedFile("/etc/hostname", PUBLIC, hostname + "\n"), hosts_file(known),
            RenderedFile("/etc/systemd/logind.conf.d/flock-sm.conf", PUBLIC, LOGIND_CONF),
            *(_network_file(network, own) for network in answers.networks if (own := network.own_address(hostname)))]


def _network_file(network: NetworkAnswer, address: str) -> RenderedFile:
    return network_file(network.name, network.interface, [address], network.prefix, network.gateway_address,
                        floating=network.floating_address is not None)


def keystone_files(answers: Answers, secrets: SystemSecrets) -> list[RenderedFile]:
    """Return Keystone's configuration and the module that its WSGI server loads."""
    conf = ini({
        "DEFAULT": {"use_stderr": True, "log_dir": None},
        "database": {"connection": database_url(answers, secrets, "keystone", "/var/lib/keystone")},
        "fernet_tokens": {"key_repository": shared.IDENTITY_KEYS / "fernet-keys"},
        "fernet_receipts": {"key_repository": shared.IDENTITY_KEYS / "fernet-keys"},
        "credential": {"key_repository": shared.IDENTITY_KEYS / "credential-keys"},
        "cache": {"enabled": True, "backend": "dogpile.cache.memcached", "memcache_servers": KEYSTONE_CACHE},
        "oslo_policy": {"enforce_scope": True},
    })
    # Keystone parses sys.argv on import and would exit on the server's arguments.
    wsgi = (Path(logins.__file__).read_text() + "\n\nimport sys\n\nsys.argv = ['keystone']\n\n"
            "from keystone.common.rbac_enforcer import policy\n"
            "from keystone.wsgi.api import application as keystone\nfrom sqlalchemy.orm import configure_mappers\n"
            "from werkzeug.test import Client\n\nfrom flock_standby import wait_until_active\n\n"
            # What the first request would do otherwise. It asks for the versions, which needs no database.
            "configure_mappers()\nClient(keystone).get('/v3')\n"
            # Loads the rules, for nobody. The first of several requests at a time would load them while the others
            # find none and are refused.
            "policy.enforce({}, 'identity:validate_token', {}, do_raise=False)\n"
            f"wait_until_active(['{KEYSTONE_CONF}', __file__])\n"
            f"application = guarded(keystone, {sorted(secrets.keystone)!r})\n")
    return [
        RenderedFile(KEYSTONE_CONF, PRIVATE, conf),
        RenderedFile("/etc/keystone/flock_standby.py", PUBLIC, Path(standby.__file__).read_text()),
        RenderedFile("/etc/keystone/flock_keystone_wsgi.py", PUBLIC, wsgi),
    ]


def front_files(answers: Answers, hostname: str, apis: Iterable[Published],
                plain_networks: Collection[str] = ()) -> list[RenderedFile]:
    """Return the files of the web server in front of all APIs; it speaks TLS except on ``plain_networks``."""
    known = list(apis)
    return [RenderedFile(CONFIGURATION, PUBLIC, nginx_conf(listens(answers.networks, hostname, plain_networks), known)),
            RenderedFile(CONNECTION_LIMIT, PUBLIC, connection_limit(known)),
            RenderedFile(CONNECTION_ENDS, PUBLIC, connection_ends(known))]


def database_url(answers: Answers, secrets: SystemSecrets, name: str, directory: str) -> str:
    """Return the SQLAlchemy URL of one service's database: PostgreSQL over loopback as user ``flock``, or SQLite."""
    if answers.database == "postgresql":
        return f"postgresql+psycopg2://flock:{secrets.database_password}@127.0.0.1/{name}{DATABASE_TLS}"
    return f"sqlite:///{directory}/{name}.sqlite"


def service_files(answers: Answers, secrets: SystemSecrets, hostname: str) -> list[RenderedFile]:
    """Return the files in /etc/flock, readable only by root: the shared file, one per subsystem, one per daemon.

    The shared file has the bus account of the host, the file of each daemon that of the daemon.
    """
    auth_url = f"https://127.0.0.1:{KEYSTONE_PORT}/v3"
    shared: dict[str, dict[str, Any]] = {
        "DEFAULT": {"transport_url": bus.transport_url(secrets, host_account(hostname), floating=True)},
        "oslo_messaging_rabbit": BUS_TLS,
    }
    files = [RenderedFile("/etc/flock/flock.conf", PRIVATE, ini(merged(shared, answers.overrides.get("flock", {})))),
             RenderedFile("/etc/flock/heartbeat.key", PRIVATE, secrets.heartbeat_key + "\n")]
    for daemon in busaccounts.SERVICES:
        own: dict[str, dict[str, Any]] = {
            "DEFAULT": {"transport_url": bus.transport_url(secrets, service_account(daemon),
                                                           floating=daemon in busaccounts.ON_EACH_CONTROLLER)}}
        if daemon in (f"{room.replace('.', '-')}-api" for room in ROOMS):
            own["api"] = {"bind_socket": socket_path(daemon)}
        if daemon == "sysinv-conductor":
            own["bus_admin"] = {"password": bus.admin_password(secrets)}
        files.append(RenderedFile(f"/etc/flock/{daemon}.conf", PRIVATE, ini(own)))
    for subsystem in SERVICE_USERS:
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
        "keystone_authtoken": {**credentials, "www_authenticate_uri": auth_url, "cafile": AUTHORITIES_FILE,
                               "service_token_roles_required": True},
        "api": {"bind_socket": socket_path(f"{subsystem}-api")},
    }
    if subsystem != "sm":
        sections["database"] = {"connection": database_url(answers, secrets, subsystem, f"/var/lib/flock/{subsystem}")}
    if subsystem == "fm":
        sections["fm"] = {"region_name": answers.region_name, "system_name": answers.name}
    if subsystem == "mtce":
        sections["heartbeat"] = {"sender": True}
        sections["conductor"] = {"sm_url": MANAGEMENT_URL}
    if subsystem == "sysinv":
        sections["sysinv"] = {"sm_url": MANAGEMENT_URL, "software_url": SOFTWARE_URL}
        sections["bootstrap"] = {"agent_transport_url": bus.FLOATING_URL}
        sections["dnsmasq"] = {"directory": shared.DNSMASQ}
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
