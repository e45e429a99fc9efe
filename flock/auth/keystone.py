# SPDX-License-Identifier: Apache-2.0
"""Whether Keystone checks tokens, for health pages and for the alarm.

An API goes on with the tokens in its memory while Keystone is dead, so its requests alone would not show it.
"""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from keystoneauth1 import exceptions, loading
from keystoneauth1.plugin import AUTH_INTERFACE
from keystoneauth1.session import Session

from flock.auth import account
from flock.core.backoff import Backoff
from flock.core.errors import Unavailable
from flock.jobs.worker import Worker

INTERVAL_S = 10.0
REQUEST_S = 5.0
SILENT_S = 25.0
"""Longer than a restart of Keystone, and than two questions."""


class KeystoneWatch:
    """Has Keystone check the token of [keystone_authtoken]'s own user every INTERVAL_S.

    ``trouble`` is a check for ``flock.core.health.Health``. Without credentials in ``conf`` nobody is asked, and there
    is no trouble. ``ask`` replaces Keystone in tests.
    """

    def __init__(self, conf: Any, *, ask: Callable[[], object] | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask or question(conf)
        self._clock = clock
        self._replied_s = clock()
        self._why = "not asked yet"
        self._worker = Worker("keystone-watch", self.check, Backoff(INTERVAL_S, INTERVAL_S))

    def start(self) -> None:
        """Begin to ask; returns at once."""
        if self._ask is not None:
            self._worker.start()

    def stop(self) -> None:
        """Stop asking. Does not wait for a question already sent."""
        self._worker.leave()

    def check(self) -> float:
        """Ask once; returns the seconds until the next time."""
        if self._ask is not None:
            try:
                self._ask()
            except Unavailable as error:
                self._why = str(error.params.get("reason", error))
                return INTERVAL_S
        self._replied_s = self._clock()
        return INTERVAL_S

    def trouble(self) -> str | None:
        """That Keystone does not check tokens, with the last error; None while it does."""
        silent_s = self._clock() - self._replied_s
        if self._ask is None or silent_s <= SILENT_S:
            return None
        return f"Keystone has checked no token for {silent_s:.0f} s ({self._why})"


def question(conf: Any) -> Callable[[], object] | None:
    """A function that has Keystone check a token: Unavailable when it does not. None without credentials."""
    chosen = account.options(conf)
    plugin = loading.load_auth_from_conf_options(conf, account.GROUP)
    if plugin is None:
        return None
    session = Session(auth=plugin, verify=account.verify(chosen), timeout=REQUEST_S)

    def ask() -> None:
        try:
            token = session.get_token()
            session.get("/auth/tokens", endpoint_filter={"interface": AUTH_INTERFACE},
                        headers={"X-Subject-Token": token})
        except exceptions.ClientException as error:
            raise Unavailable(service="Keystone", reason=type(error).__name__) from error

    return ask
