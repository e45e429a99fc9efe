# SPDX-License-Identifier: Apache-2.0
"""The names that StarlingX's services import to raise alarms; ``fm.raiser`` implements them.

``FaultAPIs()`` and ``FaultAPIsV2()`` need no argument; they use the bus in this host's configuration files.
"""
from __future__ import annotations

from fm.raiser.compat import APIException, ClientException, Fault, FaultAPIs, FaultAPIsBase, FaultAPIsV2

__all__ = ["APIException", "ClientException", "Fault", "FaultAPIs", "FaultAPIsBase", "FaultAPIsV2"]
