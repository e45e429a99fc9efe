# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ptp``: settings that clients read and change, and that configure no host."""
from __future__ import annotations

from flock.api.call import Call
from flock.api.describe import describes
from flock.auth.policy import CONFIGURATOR, Rule
from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.ptp.fields import Ptp
from sysinv.resources.ptp.rules import CHANGEABLE
from sysinv.resources.ptp.service import PtpService

SINGLE = Single("ptp", "ptp", Ptp, Ptp, CHANGEABLE, PtpService, mandatory=CHANGEABLE)
APPLY = "/v1/ptp/apply"


class ApplyController:
    """``/v1/ptp/apply``."""

    @describes(body_required=False)
    def post(self, call: Call) -> None:
        """Accepted without effect: only PTP instances configure hosts."""


ROUTES = single_routes(SINGLE) | {APPLY: ApplyController}
POLICY = (*single_policy(SINGLE), Rule("sysinv_api:ptp:apply", CONFIGURATOR, "POST", APPLY))
