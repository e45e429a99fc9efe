# SPDX-License-Identifier: Apache-2.0
"""What a BMC password is sealed to: stored by sysinv and mtce, or sent from sysinv to mtce."""
from __future__ import annotations

import json

SENT_AGE_MAX_S = 300
"""A sent password is refused when it was sealed longer ago; clocks may differ by a minute more."""


def sealed_for(host_uuid: str, address: str, username: str) -> str:
    """Return the owner of a stored BMC password: it opens for this host, address and user only.

    Somebody who captured the sealed text cannot have the password sent to another address, or as that of another user.
    """
    return "bmc:" + json.dumps([host_uuid, address, username])


def sent_for(host_uuid: str, address: str, username: str) -> str:
    """Return the owner of a BMC password in a message to mtce; it also has a time (``SENT_AGE_MAX_S``)."""
    return "bmc-to-mtce:" + json.dumps([host_uuid, address, username])
