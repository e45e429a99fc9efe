# SPDX-License-Identifier: Apache-2.0
"""Routes of ``idns``."""
from __future__ import annotations

from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.dns.fields import Dns, DnsChange
from sysinv.resources.dns.service import DnsService

SINGLE = Single("dns", "idns", Dns, DnsChange, ("nameservers", "action"), DnsService)
ROUTES = single_routes(SINGLE)
POLICY = single_policy(SINGLE)
