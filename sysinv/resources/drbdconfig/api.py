# SPDX-License-Identifier: Apache-2.0
"""Routes of ``drbdconfig``: settings that clients read and change, and that configure no host."""
from __future__ import annotations

from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.drbdconfig.fields import DrbdConfig, DrbdConfigChange
from sysinv.resources.drbdconfig.service import DrbdConfigService

SINGLE = Single("drbdconfig", "drbdconfig", DrbdConfig, DrbdConfigChange,
                ("link_util", "num_parallel", "rtt_ms", "secure", "action"), DrbdConfigService,
                mandatory=("link_util", "num_parallel", "rtt_ms"))
ROUTES = single_routes(SINGLE)
POLICY = single_policy(SINGLE)
