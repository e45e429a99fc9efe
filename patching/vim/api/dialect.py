# SPDX-License-Identifier: Apache-2.0
"""Wire conventions of the orchestration API: those of StarlingX's VIM."""
from __future__ import annotations

from flock.api.dialect import Dialect, root_document

DIALECT = Dialect(
    fault_keys=("faultstring", "faultcode", "debuginfo"), wraps_faults=False, default_port=4545,
    root=root_document("Orchestration API", "Strategies that roll software over all hosts of the cloud."))
