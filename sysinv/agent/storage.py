# SPDX-License-Identifier: Apache-2.0
"""Fetches the orders for this host's disks when the conductor says that there are some, and returns the results."""
from __future__ import annotations

import logging
import threading

from flock.core.errors import FlockError
from flock.exec.root import Root
from sysinv.agent.disks import Run, carry_out
from sysinv.contract.records import StorageOrder, StorageResult
from sysinv.contract.rpc import HostStorage

LOG = logging.getLogger(__name__)
ERROR_MAX_CHARS = 255


class StorageWork:
    """``root`` is where the disks are; a recording of another machine has none, and then every order fails."""

    def __init__(self, conductor: HostStorage, root: Root, run: Run) -> None:
        self._conductor = conductor
        self._root = root
        self._run = run
        self._ordered = threading.Event()

    def request(self) -> None:
        """Note that there are orders; ``carry_out`` fetches them."""
        self._ordered.set()

    def carry_out(self, host_uuid: str) -> str | None:
        """Carry out all orders; the reason when the conductor could not be asked or told, which is then tried again."""
        if not self._ordered.is_set():
            return None
        self._ordered.clear()
        try:
            for order in self._conductor.storage_orders(host_uuid=host_uuid):
                self._conductor.storage_done(host_uuid=host_uuid, result=self._result(order))
        except FlockError as error:
            self._ordered.set()
            LOG.warning("The orders for this host's disks cannot be fetched or answered: %s", error)
            return f"the orders for the host's disks wait: {error}"
        return None

    def _result(self, order: StorageOrder) -> StorageResult:
        try:
            carry_out(self._root, order, self._run)
        except (FlockError, OSError) as error:
            LOG.warning("An order to %s on disk %s failed: %s", order.change, order.device_path, error)
            return StorageResult(order.order_uuid, str(error)[:ERROR_MAX_CHARS] or type(error).__name__)
        LOG.info("An order to %s on disk %s is carried out", order.change, order.device_path)
        return StorageResult(order.order_uuid)
