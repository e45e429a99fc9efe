# SPDX-License-Identifier: Apache-2.0
"""Fetches this host's configuration when the conductor says that there are orders, has it applied, returns results."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flock.core.errors import FlockError, InvalidInput
from flock.rpc.errors import VersionMismatch
from sysinv.agent.configured import Exchange
from sysinv.contract.records import ConfigurationResult
from sysinv.contract.rpc import HostConfiguration

LOG = logging.getLogger(__name__)
# Orders that come while others are applied are applied after them, at most so many times before the next audit.
ROUNDS_MAX = 5


class ConfigurationWork:
    """``apply`` runs ``sysinv-configure``, which leaves its result in ``exchange``, and says how that ended.

    ``uptime_s`` is the host's.
    """

    def __init__(self, conductor: HostConfiguration, exchange: Exchange, certificate_file: Path,
                 apply: Callable[[], str], uptime_s: Callable[[], int]) -> None:
        self._conductor = conductor
        self._exchange = exchange
        self._certificate_file = certificate_file
        self._apply = apply
        self._uptime_s = uptime_s
        self._ordered = threading.Event()
        # The first time, in case that the host booted without its orders.
        self._ordered.set()

    def request(self) -> None:
        """Note that there are orders; ``carry_out`` fetches them."""
        self._ordered.set()

    def carry_out(self, host_uuid: str) -> str | None:
        """Report what was applied, then fetch and apply; the reason when the conductor could not be asked or told."""
        try:
            self._report(host_uuid)
            for _ in range(ROUNDS_MAX):
                if not self._ordered.is_set():
                    return None
                self._ordered.clear()
                self._fetch(host_uuid)
        except VersionMismatch as error:
            # An older conductor: it configures nothing, and the newer one is asked at a later audit.
            self._ordered.set()
            LOG.info("%s", error)
        except (FlockError, OSError) as error:
            self._ordered.set()
            LOG.warning("The configuration of this host cannot be fetched, applied or answered: %s", error)
            return f"the host's configuration waits: {error}"
        return None

    def _fetch(self, host_uuid: str) -> None:
        wanted = self._conductor.wanted_configuration(
            host_uuid=host_uuid, certificate_pem=self._certificate(), uptime_s=self._uptime_s())
        self._exchange.save(wanted, host_uuid)
        if wanted.config_uuids:
            LOG.info("Applying %s", ", ".join(wanted.boot_classes if wanted.whole else wanted.classes) or "nothing")
            ended = self._apply()
            if self._exchange.result() is None:
                # Puppet or its caller was killed. Told, because another run at once would fare no better.
                self._exchange.finish(ConfigurationResult(
                    wanted.config_uuids, whole=wanted.whole, error=f"The run left no result: {ended}"))
            self._report(host_uuid)

    def _report(self, host_uuid: str) -> None:
        try:
            result = self._exchange.result()
        except InvalidInput as error:
            LOG.warning("A result of a configuration is lost: %s", error)
            result = None
        if result is not None:
            self._conductor.configuration_applied(
                host_uuid=host_uuid, result=replace(result, uptime_s=self._uptime_s()))
        self._exchange.forget_result()

    def _certificate(self) -> str:
        try:
            return self._certificate_file.read_text()
        except (OSError, UnicodeDecodeError):
            # Then the configuration comes without its secrets.
            return ""
