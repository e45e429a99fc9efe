# SPDX-License-Identifier: Apache-2.0
"""What StarlingX's services import to raise alarms; the names only, the work is done in ``fm.raiser``.

``FaultAPIs()`` and ``FaultAPIsV2()`` need no argument: the bus is the one of the configuration files of this host.
"""
from __future__ import annotations

from fm.raiser.compat import APIException, ClientException, Fault, FaultAPIs, FaultAPIsBase, FaultAPIsV2

__all__ = ["APIException", "ClientException", "Fault", "FaultAPIs", "FaultAPIsBase", "FaultAPIsV2"]
