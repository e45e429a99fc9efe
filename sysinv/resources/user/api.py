# SPDX-License-Identifier: Apache-2.0
"""Routes of ``iuser``."""
from __future__ import annotations

from sysinv.api.single import Single, single_policy, single_routes
from sysinv.resources.user.fields import User, UserChange
from sysinv.resources.user.service import UserService

SINGLE = Single("user", "iuser", User, UserChange,
                ("passwd_hash", "passwd_expiry_days", "passwd_last_change", "root_sig", "action"), UserService,
                mandatory=("passwd_hash",))
ROUTES = single_routes(SINGLE)
POLICY = single_policy(SINGLE)
