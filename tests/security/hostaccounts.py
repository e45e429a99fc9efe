# SPDX-License-Identifier: Apache-2.0
"""Accounts of hosts at the broker of a test."""
from __future__ import annotations

from flock.core.errors import Unavailable
from flock.rpc.accounts import EXCHANGE
from flock.rpc.admin import BusAdmin
from flock.testing.services.process import wait_for
from sysinv.model import busaccounts

ANSWER_S = 60.0


def give_account(admin: BusAdmin, hostname: str, password: str) -> None:
    """Give a host its account. A broker that has just started on a busy machine takes longer than one request may."""
    def given() -> bool:
        try:
            admin.renew(busaccounts.of_host(hostname, EXCHANGE), password)
        except Unavailable:
            return False
        return True

    wait_for(given, ANSWER_S, "the broker's management to answer")
