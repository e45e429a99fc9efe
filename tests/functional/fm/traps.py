# SPDX-License-Identifier: Apache-2.0
"""The other end of the trap agent's connection: keeps every message it is sent."""
from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from flock.testing.services.process import wait_for

WHERE = "region=RegionOne.system=system"


class TrapReceiver:
    """Listens on ``port`` of loopback for messages of length and JSON, one per connection."""

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="trap-receiver", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def clear(self) -> None:
        """Forget what came so far."""
        with self._lock:
            self._messages.clear()

    def messages(self, operation: str | None = None) -> list[dict[str, Any]]:
        """What came, oldest first; only of that ``operation_type`` when given."""
        with self._lock:
            return [message for message in self._messages if operation in (None, message["operation_type"])]

    def of_entity(self, entity: str) -> list[str]:
        """The types of the messages about one entity, oldest first."""
        return [message["operation_type"] for message in self.messages()
                if message["alarm"].get("wrsAlarmActiveEntityInstanceId") == f"{WHERE}.{entity}"]

    def wait(self, what: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Until ``what()``."""
        wait_for(what, timeout_s, "the trap")

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                length = int.from_bytes(self.rfile.read(4), "big")
                message = json.loads(self.rfile.read(length))
                with receiver._lock:
                    receiver._messages.append(message)

        return Handler
