# SPDX-License-Identifier: Apache-2.0
"""The one place that imports oslo.messaging: it loads oslo.service, whose default backend would be eventlet."""
from __future__ import annotations

from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)

import oslo_messaging  # noqa: E402 - the backend must be chosen before
from oslo_messaging import exceptions  # noqa: E402
from oslo_messaging import opts as messaging_options  # noqa: E402
from oslo_messaging._metrics import client as metrics_client  # noqa: E402
from oslo_messaging._tracing import client as tracing_client  # noqa: E402

__all__ = ["exceptions", "messaging_options", "metrics_client", "oslo_messaging", "tracing_client"]
