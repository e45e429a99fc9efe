# SPDX-License-Identifier: Apache-2.0
"""A word to ourselves over the bus: while it does not come back, the silence of agents proves nothing."""
from __future__ import annotations

from collections.abc import Callable

from flock.rpc.interface import cast, rpc_interface
from mtce.contract.rpc import CONDUCTOR_TOPIC

INTERVAL_S = 2.0


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="echo")
class BusEcho:
    """Conductor to conductor."""

    @cast
    def echo(self) -> None:
        """The bus carries messages."""
        raise TypeError("interface")


class EchoHeard:
    """Implements BusEcho."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self._heard = heard

    def echo(self) -> None:
        """Pass it on."""
        self._heard()
