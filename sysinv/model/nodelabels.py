# SPDX-License-Identifier: Apache-2.0
"""Which changes give a Kubernetes node the labels of its host. Pure."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OURS = "sysinv.flock/labels"
"""Annotation of a node: the keys of the labels that were put there from here. Others are never removed."""


def changes(wanted: Mapping[str, str], node: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what to merge into ``node``, as the API server describes it; None when nothing is to be changed.

    A label of the host replaces one with the same key that somebody else put on the node, because the operator said
    so later or more clearly; when the host loses it, the node does too.
    """
    meta = node.get("metadata") or {}
    found, noted = meta.get("labels") or {}, (meta.get("annotations") or {}).get(OURS)
    ours = _keys(noted)
    labels: dict[str, str | None] = {key: None for key in sorted(ours - wanted.keys()) if key in found}
    labels |= {key: value for key, value in sorted(wanted.items()) if found.get(key) != value}
    note = json.dumps(sorted(wanted)) if wanted else None
    if not labels and note == noted:
        return None
    return {"metadata": {"labels": labels, "annotations": {OURS: note}}}


def _keys(noted: Any) -> set[str]:
    """The noted keys; none when somebody has damaged the note."""
    try:
        found = json.loads(noted or "[]")
    except (TypeError, ValueError):
        return set()
    return {key for key in found if isinstance(key, str)} if isinstance(found, list) else set()
