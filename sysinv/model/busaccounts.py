# SPDX-License-Identifier: Apache-2.0
"""Which account of the message bus serves and calls which topics."""
from __future__ import annotations

from urllib.parse import quote, urlsplit

from flock.rpc.accounts import (
    HostAccess,
    Permissions,
    host_account,
    host_permissions,
    requests_exchange,
    service_permissions,
)
from flock.rpc.interface import interface_spec
from fm.contract.rpc import FmManager
from mtce.contract import rpc as mtce
from sysinv.contract import rpc as sysinv

FM_TOPIC = interface_spec(FmManager).topic
ADMIN = "bus-admin"
# The topics that each kind of daemon on the controllers serves.
SERVICES: dict[str, tuple[str, ...]] = {
    "fm-manager": (FM_TOPIC,), "fm-api": (),
    "mtce-conductor": (mtce.CONDUCTOR_TOPIC,), "mtce-api": (),
    "sysinv-conductor": (sysinv.CONDUCTOR_TOPIC,), "sysinv-api": (), "sysinv-dnsmasq-lease-update": (),
}
AGENT_TOPICS = (mtce.AGENT_TOPIC, sysinv.AGENT_TOPIC)
# Two agents and the programs that raise alarms, each with a few connections and queues.
HOST_CONNECTIONS_MAX, HOST_CHANNELS_MAX, HOST_QUEUES_MAX = 64, 256, 64
HOST_SENDS_TO = (FM_TOPIC, mtce.CONDUCTOR_TOPIC, sysinv.CONDUCTOR_TOPIC)


def of_host(hostname: str, exchange: str) -> HostAccess:
    """What the broker has for a host's agents."""
    account = host_account(hostname)
    return HostAccess(
        account, exchange, requests_exchange(account, exchange),
        HOST_SENDS_TO,
        host_permissions(hostname, AGENT_TOPICS, exchange),
        HOST_CONNECTIONS_MAX, HOST_CHANNELS_MAX, HOST_QUEUES_MAX)


def of_service(daemon: str, exchange: str) -> Permissions:
    """What the account of a daemon in ``SERVICES`` may do."""
    return service_permissions(daemon, SERVICES[daemon], exchange)


def host_url(url: str, hostname: str, password: str) -> str:
    """The transport_url of a host's agents: ``url`` with their account instead of one that it may have."""
    return account_url(url, host_account(hostname), password)


def account_url(url: str, account: str, password: str) -> str:
    """``url`` with an account."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(account, safe='')}:{quote(password, safe='')}@{where}").geturl()
