# SPDX-License-Identifier: Apache-2.0
"""Pure rendering of RabbitMQ's files: listeners, and accounts, exchange and limits that it imports at its start."""
from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from flock.conf import shared
from flock.rpc.accounts import (
    EXCHANGE,
    FRAME_BYTES_MAX,
    HASHING,
    Permissions,
    broker_hash,
    host_account,
    inlet,
    service_account,
)
from sysinv.bootstrap.answers import Answers
from sysinv.bootstrap.secrets import SystemSecrets
from sysinv.model import busaccounts
from sysinv.model.busaccounts import BUS_PORT
from sysinv.model.hostfiles import AUTHORITIES_FILE, PUBLIC, TLS_DIRECTORY, RenderedFile
from sysinv.model.hostname import FLOATING_HOST

FLOATING_URL = f"rabbit://{FLOATING_HOST}:{BUS_PORT}/"
# Twice what a request may have (``[rpc] payload_max_bytes``).
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
ADMIN_PORT = 15672
LOG_BYTES_MAX, LOGS_MAX = 10 * 1024 * 1024, 5
VHOST = "/"
# TLS only, and only for clients with a certificate of this cloud.
SERVER_TLS = (
    f"ssl_options.cacertfile = {AUTHORITIES_FILE}",
    f"ssl_options.certfile = {TLS_DIRECTORY}/rabbitmq.crt",
    f"ssl_options.keyfile = {TLS_DIRECTORY}/rabbitmq.key",
    "ssl_options.verify = verify_peer",
    "ssl_options.fail_if_no_peer_cert = true",
    "ssl_options.versions.1 = tlsv1.3",
    "ssl_options.versions.2 = tlsv1.2",
)
UNIT = """[Service]
# Service management repairs it.
Restart=no
# It starts with the accounts, rights and routes of the file of definitions, which sysinv-conductor keeps current, and
# with nothing that a host has left in it.
ExecStartPre=/bin/rm -rf /var/lib/rabbitmq/mnesia
# A stop loses no more than a crash: senders keep what is not acknowledged, and daemons make their queues anew. An
# orderly stop starts a second Erlang system first, and the other controller would have to wait for it.
ExecStop=
KillSignal=SIGKILL
SuccessExitStatus=SIGKILL
"""
"""What differs from Debian's unit."""
_AGENTS = "|".join(topic.replace(".", r"\.") for topic in busaccounts.AGENT_TOPICS)
# Limits the requests queued for a host that is cut off; the sender repeats those that it still needs.
AGENT_QUEUES = rf"^({_AGENTS})[._].*$"
AGENT_QUEUE_LIMITS = {"max-length": 1000, "max-length-bytes": MESSAGE_BYTES_MAX, "overflow": "drop-head",
                      "message-ttl": 600_000}
# A caller that does not read its replies loses the oldest; it has given up on them.
REPLY_QUEUES = "^reply_.*$"
REPLY_QUEUE_LIMITS = {"max-length": 10_000, "max-length-bytes": 256 * 1024 * 1024, "overflow": "drop-head"}
# A host's own queues hold what was sent to it alone.
HOST_REPLY_QUEUES = r"^reply_host\..*$"
HOST_REPLY_QUEUE_LIMITS = {"max-length": 1000, "max-length-bytes": MESSAGE_BYTES_MAX, "overflow": "drop-head",
                           "message-ttl": 60_000}
# A daemon that is away: what exceeds this is refused, and its senders keep it.
SERVICE_QUEUE_LIMITS = {"max-length": 100_000, "max-length-bytes": 256 * 1024 * 1024, "overflow": "reject-publish"}


def bus_files(answers: Answers, secrets: SystemSecrets, salt: bytes, hostname: str) -> list[RenderedFile]:
    """Return RabbitMQ's files: listeners on loopback and management; management API on loopback; definitions.

    ``salt`` has four bytes: see ``flock.rpc.accounts.broker_hash``.
    """
    conf = [
        "listeners.tcp = none",
        f"listeners.ssl.local = 127.0.0.1:{BUS_PORT}",
        f"listeners.ssl.mgmt = {answers.controller_ip}:{BUS_PORT}",
        *SERVER_TLS,
        "management.tcp.ip = 127.0.0.1",
        f"management.tcp.port = {ADMIN_PORT}",
        "management_agent.disable_metrics_collector = true",
        f"load_definitions = {shared.BUS_DEFINITIONS}",
        "vm_memory_high_watermark.absolute = 512MiB",
        "disk_free_limit.absolute = 200MB",
        f"max_message_size = {MESSAGE_BYTES_MAX}",
        f"frame_max = {FRAME_BYTES_MAX}",
        "log.file.level = warning",
        # A client can cause a line with each command that is refused.
        f"log.file.rotation.size = {LOG_BYTES_MAX}",
        f"log.file.rotation.count = {LOGS_MAX}",
        "heartbeat = 30",
    ]
    environment = [
        "NODENAME=rabbit@localhost",
        "ERL_EPMD_ADDRESS=127.0.0.1",
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} '
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"',
    ]
    text = json.dumps(definitions(secrets, salt, hostname), indent=1)
    return [
        RenderedFile(str(shared.BUS_DEFINITIONS), 0o640, text + "\n"),
        RenderedFile("/etc/rabbitmq/rabbitmq.conf", PUBLIC, "\n".join(conf) + "\n"),
        RenderedFile("/etc/rabbitmq/rabbitmq-env.conf", PUBLIC, "\n".join(environment) + "\n"),
        RenderedFile("/etc/rabbitmq/enabled_plugins", PUBLIC, "[rabbitmq_management,rabbitmq_top].\n"),
        # Debian's socket unit opens Erlang's port mapper on all networks.
        RenderedFile("/etc/systemd/system/epmd.socket.d/flock.conf", PUBLIC,
                     "[Socket]\nListenStream=\nListenStream=127.0.0.1:4369\n"),
        RenderedFile("/etc/systemd/system/rabbitmq-server.service.d/flock.conf", PUBLIC, UNIT),
    ]


def passwords(secrets: SystemSecrets, hostname: str) -> dict[str, str]:
    """The password of every account that the bootstrap makes: services, administrator, first host."""
    names = {service_account(name) for name in (*busaccounts.SERVICES, busaccounts.ADMIN)} | {host_account(hostname)}
    return {name: _password(secrets, name) for name in sorted(names)}


def transport_url(secrets: SystemSecrets, account: str, *, floating: bool = False) -> str:
    """The transport_url of one account on a controller. ``floating``: at the floating address, for programs that also
    run on a controller that stands by and therefore has no bus."""
    return busaccounts.account_url(FLOATING_URL if floating else f"rabbit://127.0.0.1:{BUS_PORT}/", account,
                                   _password(secrets, account))


def admin_password(secrets: SystemSecrets) -> str:
    """The password of the administrator of the bus."""
    return _password(secrets, service_account(busaccounts.ADMIN))


def definitions(secrets: SystemSecrets, salt: bytes, hostname: str, exchange: str = EXCHANGE) -> dict[str, Any]:
    """Return what RabbitMQ imports at each of its starts; accounts of other hosts are not in it and stay."""
    rights = {service_account(name): busaccounts.of_service(name, exchange) for name in busaccounts.SERVICES}
    host = busaccounts.of_host(hostname, exchange)
    rights[host.account] = host.permissions
    return {
        "vhosts": [{"name": VHOST}],
        "users": [{"name": name, "password_hash": broker_hash(password, salt),
                   "tags": "administrator" if name == service_account(busaccounts.ADMIN) else "",
                   "hashing_algorithm": HASHING,
                   "limits": {"max-connections": host.connections_max, "max-channels": host.channels_max}
                   if name == host.account else {}}
                  for name, password in passwords(secrets, hostname).items()],
        "topic_permissions": [{"user": name, "vhost": VHOST, "exchange": exchange, "write": right.topic_write,
                               "read": right.topic_read} for name, right in rights.items()],
        "permissions": [_permission(name, right) for name, right in rights.items()] + [
            # The administrator makes exchanges and their bindings, and removes what a host left.
            {"user": service_account(busaccounts.ADMIN), "vhost": VHOST, "configure": ".*", "write": ".*",
             "read": ".*"}],
        "exchanges": [*(_exchange(name, "topic") for name in (exchange, host.requests)),
                      *(_exchange(inlet(topic, exchange), "fanout") for topic in host.topics)],
        "queues": [{"name": name, "vhost": VHOST, "durable": False, "auto_delete": False, "arguments": {}}
                   for name in host.queues],
        "bindings": [{"source": one.source, "vhost": VHOST, "destination": one.destination,
                      "destination_type": "queue" if one.to_queue else "exchange", "routing_key": one.routing_key,
                      "arguments": {}} for one in host.bindings],
        "policies": [_policy("agents", AGENT_QUEUES, 2, AGENT_QUEUE_LIMITS),
                     _policy("replies of hosts", HOST_REPLY_QUEUES, 3, HOST_REPLY_QUEUE_LIMITS),
                     _policy("replies", REPLY_QUEUES, 2, REPLY_QUEUE_LIMITS),
                     _policy("services", "^.*$", 1, SERVICE_QUEUE_LIMITS)],
    }


def _exchange(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "vhost": VHOST, "type": kind, "durable": True, "auto_delete": False, "internal": False,
            "arguments": {}}


def _password(secrets: SystemSecrets, account: str) -> str:
    """One account's password, which tells nothing about those of the others."""
    digest = hashlib.blake2b(account.encode(), key=secrets.bus_key.encode(), digest_size=32).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _permission(name: str, right: Permissions) -> dict[str, Any]:
    return {"user": name, "vhost": VHOST, "configure": right.configure, "write": right.write, "read": right.read}


def _policy(name: str, pattern: str, priority: int, limits: dict[str, Any]) -> dict[str, Any]:
    return {"vhost": VHOST, "name": name, "pattern": pattern, "apply-to": "queues", "priority": priority,
            "definition": limits}
