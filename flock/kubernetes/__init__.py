# SPDX-License-Identifier: Apache-2.0
"""Client of an API server of Kubernetes."""
from __future__ import annotations

import importlib
from typing import Any


def connect(kubeconfig: str, timeout_s: float) -> Any:
    """Return a ``flock.kubernetes.api.KubernetesApi``.

    That module is imported only now: the client library takes 40 MB, which systems without Kubernetes need not have.
    """
    return importlib.import_module("flock.kubernetes.api").KubernetesApi(kubeconfig, timeout_s)
