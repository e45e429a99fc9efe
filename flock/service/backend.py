# SPDX-License-Identifier: Apache-2.0
"""Chooses oslo.service's native thread backend. Import it before any module of oslo.service and oslo.messaging.

Both import eventlet, if it is installed, only to find out whether it is in use. The flock never uses it. The entry in
``sys.modules`` makes that import fail at once, which saves every daemon 18 MB of memory.
"""
from __future__ import annotations

import sys

if "eventlet" not in sys.modules:
    sys.modules["eventlet"] = None  # type: ignore[assignment]

from oslo_service import backend  # noqa: E402  # after the line above

# A program that only uses fm's raising library may have chosen a backend already; a second choice raises an error.
if backend.get_backend_type() is None:
    backend.init_backend(backend.BackendType.THREADING)

from oslo_service import service as oslo_service  # noqa: E402  # its classes depend on the backend

__all__ = ["oslo_service"]
