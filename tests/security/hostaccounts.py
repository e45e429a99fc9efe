# SPDX-License-Identifier: Apache-2.0
"""Accounts of hosts at the broker of a test."""
from __future__ import annotations

from collections.abc import Callable

from flock.core.errors import Unavailable
from flock.rpc.accounts import EXCHANGE, requests_exchange
from flock.rpc.admin import BusAdmin
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from sysinv.model import busaccounts

ANSWER_S = 60.0


def give_account(admin: BusAdmin, hostname: str, password: str) -> None:
    """Give a host its account."""
    _repeat(lambda: admin.renew(busaccounts.of_host(hostname, EXCHANGE), password))


def _repeat(step: Callable[[], None]) -> None:
    """A broker that has just started on a busy machine takes longer than one request may."""
    def done() -> bool:
        try:
            step()
        except Unavailable:
            return False
        return True

    wait_for(done, ANSWER_S, "the broker's management to answer")


def permit_as_before(node: RabbitNode, hostname: str) -> None:
    """Give a host's account the rights of earlier releases, whose agents made their queues themselves."""
    access = busaccounts.of_host(hostname, EXCHANGE)
    names = access.owned.removeprefix("^(").removesuffix(")$")
    requests = requests_exchange(access.account).replace(".", r"\.")
    keys = "|".join(topic.replace(".", r"\.") for topic in access.agents)
    node.control("set_permissions", access.account, access.owned, f"^({names}|{requests})$",
                 f"^({names}|{requests}|{EXCHANGE})$")
    node.control("set_topic_permissions", access.account, EXCHANGE, "^$", f"^({keys})$")


def permit_as_now(node: RabbitNode, admin: BusAdmin, hostname: str) -> None:
    """Take these rights away, and make what the host needs."""
    access = busaccounts.of_host(hostname, EXCHANGE)
    rights = access.permissions
    node.control("set_permissions", access.account, rights.configure, rights.write, rights.read)
    node.control("set_topic_permissions", access.account, EXCHANGE, rights.topic_write, rights.topic_read)
    _repeat(lambda: admin.prepare(access))
