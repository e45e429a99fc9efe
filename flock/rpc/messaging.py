# SPDX-License-Identifier: Apache-2.0
"""The one place that imports oslo.messaging: it loads oslo.service, whose default backend would be eventlet."""
from __future__ import annotations

from flock.service import backend  # noqa: F401 - chooses native threads before oslo.messaging is loaded

# isort: split
import oslo_messaging
from oslo_messaging import exceptions
from oslo_messaging import opts as messaging_options
from oslo_messaging._metrics import client as metrics_client
from oslo_messaging._tracing import client as tracing_client

__all__ = ["exceptions", "messaging_options", "metrics_client", "oslo_messaging", "tracing_client"]
