# SPDX-License-Identifier: Apache-2.0
"""Routes of ``intp``."""
from __future__ import annotations

from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.ntp.fields import Ntp, NtpChange
from sysinv.resources.ntp.service import NtpService

SINGLE = Single("ntp", "intp", Ntp, NtpChange, ("ntpservers", "action"), NtpService)
ROUTES = single_routes(SINGLE)
POLICY = single_policy(SINGLE)
