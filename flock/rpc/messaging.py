# SPDX-License-Identifier: Apache-2.0
"""The public part of oslo.messaging, imported after native threads are chosen; its default backend is eventlet."""
from __future__ import annotations

from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
import oslo_messaging
from oslo_messaging import exceptions
from oslo_messaging import opts as messaging_options

__all__ = ["exceptions", "messaging_options", "oslo_messaging"]
