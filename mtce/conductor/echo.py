# SPDX-License-Identifier: Apache-2.0
"""Messages of the conductor to itself over the bus: while none arrives, silence of agents proves nothing."""
from __future__ import annotations

from collections.abc import Callable

from flock.rpc.interface import cast, rpc_interface
from mtce.contract.rpc import CONDUCTOR_TOPIC

INTERVAL_S = 2.0


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="echo", speaks_for="system")
class BusEcho:
    """Interface from the conductor to itself."""

    @cast
    def echo(self) -> None:
        """Show that the bus delivers messages."""
        raise TypeError("interface")


class EchoHeard:
    """Implements BusEcho."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def echo(self) -> None:
        """Report the message to ``heard``."""
        self._heard()
