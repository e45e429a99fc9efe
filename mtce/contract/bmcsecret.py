# SPDX-License-Identifier: Apache-2.0
"""What a BMC password is sealed to; sysinv seals it, mtce opens it."""
from __future__ import annotations

import json


def sealed_for(host_uuid: str, address: str, username: str) -> str:
    """Return the owner of a sealed BMC password: it opens for this host, address and user only.

    Somebody who captured the sealed text cannot have the password sent to another address, or as that of another user.
    """
    return "bmc:" + json.dumps([host_uuid, address, username])
