# SPDX-License-Identifier: Apache-2.0
"""Routes of ``remotelogging``."""
from __future__ import annotations

from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.remotelogging.fields import RemoteLogging, RemoteLoggingChange
from sysinv.resources.remotelogging.service import RemoteLoggingService

SINGLE = Single("remotelogging", "remotelogging", RemoteLogging, RemoteLoggingChange,
                ("ip_address", "enabled", "transport", "port", "key_file", "action"), RemoteLoggingService,
                mandatory=("ip_address", "enabled", "transport", "port"))
ROUTES = single_routes(SINGLE)
POLICY = single_policy(SINGLE)
