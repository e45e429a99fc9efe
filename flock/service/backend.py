# SPDX-License-Identifier: Apache-2.0
"""Chooses oslo.service's native thread backend. Import this before anything else of oslo.service."""
from __future__ import annotations

from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)
