# SPDX-License-Identifier: Apache-2.0
"""Which account of the message bus serves and calls which topics."""
from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from flock.rpc.accounts import (
    HostAccess,
    Permissions,
    host_account,
    host_names,
    host_permissions,
    requests_exchange,
    service_permissions,
    topic_of_host,
)
from flock.rpc.interface import interface_spec
from fm.contract.rpc import FmManager
from mtce.contract import rpc as mtce
from patching.contract import rpc as patching
from patching.contract.orchestration import Orchestration
from sysinv.contract import rpc as sysinv

FM_TOPIC = interface_spec(FmManager).topic
ORCHESTRATION_TOPIC = interface_spec(Orchestration).topic
ADMIN = "bus-admin"
BUS_PORT = 5671


@dataclass(frozen=True, slots=True)
class Service:
    """The topics that a kind of daemon on the controllers serves and calls, and those of hosts' agents it calls."""

    serves: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


# The interfaces declare the same with ``callers``, which the servers check.
SERVICES: dict[str, Service] = {
    "fm-manager": Service(serves=(FM_TOPIC,)),
    "fm-api": Service(calls=(FM_TOPIC,)),
    "mtce-conductor": Service(serves=(mtce.CONDUCTOR_TOPIC,), calls=(FM_TOPIC, sysinv.CONDUCTOR_TOPIC),
                              agents=(mtce.AGENT_TOPIC,)),
    "mtce-api": Service(calls=(mtce.CONDUCTOR_TOPIC,)),
    "patching-conductor": Service(serves=(patching.CONDUCTOR_TOPIC,), calls=(FM_TOPIC, sysinv.CONDUCTOR_TOPIC),
                                  agents=(patching.AGENT_TOPIC,)),
    "patching-api": Service(calls=(patching.CONDUCTOR_TOPIC,)),
    "patching-orchestrator": Service(serves=(ORCHESTRATION_TOPIC,), calls=(FM_TOPIC, patching.CONDUCTOR_TOPIC)),
    "patching-vim-api": Service(calls=(ORCHESTRATION_TOPIC,)),
    "sysinv-conductor": Service(serves=(sysinv.CONDUCTOR_TOPIC,), calls=(FM_TOPIC, mtce.CONDUCTOR_TOPIC),
                                agents=(sysinv.AGENT_TOPIC,)),
    "sm-alarms": Service(calls=(FM_TOPIC,)),
    "sysinv-api": Service(calls=(FM_TOPIC, mtce.CONDUCTOR_TOPIC, sysinv.CONDUCTOR_TOPIC)),
    "sysinv-dnsmasq-lease-update": Service(calls=(sysinv.CONDUCTOR_TOPIC,)),
}
ON_EACH_CONTROLLER = frozenset({"sm-alarms"})
"""Daemons that run also where the bus does not; all others move with it."""
AGENT_TOPICS = (mtce.AGENT_TOPIC, patching.AGENT_TOPIC, sysinv.AGENT_TOPIC)
# Three agents and the programs that raise alarms, each with a few connections and queues.
HOST_CONNECTIONS_MAX, HOST_CHANNELS_MAX, HOST_QUEUES_MAX = 64, 256, 64
# A queue of an agent has one or two.
HOST_BINDINGS_MAX = 4 * HOST_QUEUES_MAX
HOST_SENDS_TO = (FM_TOPIC, mtce.CONDUCTOR_TOPIC, patching.CONDUCTOR_TOPIC, sysinv.CONDUCTOR_TOPIC)


def of_host(hostname: str, exchange: str) -> HostAccess:
    """What the broker has for a host's agents."""
    account, agents = host_account(hostname), tuple(topic_of_host(topic, hostname) for topic in AGENT_TOPICS)
    return HostAccess(account, exchange, requests_exchange(account, exchange), HOST_SENDS_TO, agents,
                      host_names(hostname, agents), host_permissions(account, agents, exchange),
                      HOST_CONNECTIONS_MAX, HOST_CHANNELS_MAX, HOST_QUEUES_MAX, HOST_BINDINGS_MAX)


def of_service(daemon: str, exchange: str) -> Permissions:
    """What the account of a daemon in ``SERVICES`` may do."""
    service = SERVICES[daemon]
    return service_permissions(daemon, service.serves, service.calls, service.agents, exchange)


def host_url(url: str, hostname: str, password: str) -> str:
    """The transport_url of a host's agents: ``url`` with their account instead of one that it may have."""
    return account_url(url, host_account(hostname), password)


def account_url(url: str, account: str, password: str) -> str:
    """``url`` with an account."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(account, safe='')}:{quote(password, safe='')}@{where}").geturl()
