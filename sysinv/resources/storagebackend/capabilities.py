# SPDX-License-Identifier: Apache-2.0
"""Pure rules of the capabilities of storage back ends: replication, and what applications are told."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flock.wire.errors import shown
from sysinv.contract.enums import BackendType
from sysinv.resources.storagebackend.rules import BackendRefused

REPLICATION, MIN_REPLICATION = "replication", "min_replication"
NAMESPACES, CLASS_NAME = "rbd_provisioner_namespaces", "rbd_storageclass_name"
MODEL, DOMAIN = "deployment_model", "failure_domain"
_MINIMUMS = {1: (1,), 2: (1,), 3: (2, 1)}
_TEXT_MAX = 255
_LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
KEYS: Mapping[BackendType, tuple[str, ...]] = {
    BackendType.CEPH: (REPLICATION, MIN_REPLICATION, NAMESPACES, CLASS_NAME),
    BackendType.ROOK: (MODEL, DOMAIN, REPLICATION, MIN_REPLICATION),
    BackendType.CEPH_EXTERNAL: ("cinder_pool", "glance_pool", "ephemeral_pool")}
MODELS, DOMAINS = ("controller", "dedicated", "open"), ("osd", "host")


def checked(backend: BackendType, given: Mapping[str, Any], *, simplex: bool) -> dict[str, str]:
    """Return the capabilities as they are stored, with defaults; all values are texts. BackendRefused."""
    texts = {str(name): _text(str(name), value) for name, value in given.items()}
    known = KEYS.get(backend, ())
    wrong = sorted(texts.keys() - set(known))
    if wrong:
        raise BackendRefused(detail=f"capabilities: {shown(wrong[0])} is not known for a {backend} backend; known: "
                                    f"{', '.join(known) or 'none'}.")
    found = dict(texts)
    if backend is BackendType.ROOK:
        found |= _rook(texts, simplex=simplex)
    if REPLICATION in known:
        found |= _replication(texts, simplex=simplex)
    for namespace in texts.get(NAMESPACES, "").split(",") if NAMESPACES in texts else ():
        _check_label(NAMESPACES, namespace.strip())
    if CLASS_NAME in texts:
        _check_label(CLASS_NAME, texts[CLASS_NAME])
    return found


def replication_of(capabilities: Mapping[str, Any]) -> int:
    """Return the number of replicas of a stored back end."""
    return int(capabilities.get(REPLICATION, 1))


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or len(str(value)) > _TEXT_MAX:
        raise BackendRefused(detail=f"capabilities: {shown(name)} must be a text of at most {_TEXT_MAX} characters.")
    return str(value)


def _replication(texts: Mapping[str, str], *, simplex: bool) -> dict[str, str]:
    low, default = (1, 1) if simplex else (2, 2)
    allowed = [str(number) for number in range(low, 4)]
    replication = texts.get(REPLICATION, str(default))
    if replication not in allowed:
        raise BackendRefused(detail=f"capabilities: replication must be one of {', '.join(allowed)}, not "
                                    f"{shown(replication)}.")
    minimums = _MINIMUMS[int(replication)]
    minimum = texts.get(MIN_REPLICATION, str(minimums[0]))
    if minimum not in map(str, minimums):
        raise BackendRefused(detail=(
            f"capabilities: min_replication must be {' or '.join(map(str, sorted(minimums)))} with replication "
            f"{replication}, not {shown(minimum)}."))
    return {REPLICATION: replication, MIN_REPLICATION: minimum}


def _rook(texts: Mapping[str, str], *, simplex: bool) -> dict[str, str]:
    model = texts.get(MODEL, MODELS[0])
    if model not in MODELS:
        raise BackendRefused(detail=f"capabilities: deployment_model must be one of {', '.join(MODELS)}, not "
                                    f"{shown(model)}.")
    if simplex and model == "dedicated":
        raise BackendRefused(detail="capabilities: deployment_model dedicated needs workers, which a simplex system "
                                    "has not.")
    domain = texts.get(DOMAIN, "osd" if simplex else "host")
    if domain not in DOMAINS:
        raise BackendRefused(detail=f"capabilities: failure_domain must be one of {', '.join(DOMAINS)}, not "
                                    f"{shown(domain)}.")
    if simplex and domain != "osd":
        raise BackendRefused(detail="capabilities: failure_domain must be osd on a simplex system.")
    if not simplex and model != "open" and domain != "host":
        raise BackendRefused(detail=f"capabilities: failure_domain must be host with deployment_model {model}.")
    return {MODEL: model, DOMAIN: domain}


def _check_label(name: str, value: str) -> None:
    if _LABEL.fullmatch(value) is None:
        raise BackendRefused(detail=f"capabilities: {name}: {shown(value)} is not a name of Kubernetes.")
