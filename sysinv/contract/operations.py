# SPDX-License-Identifier: Apache-2.0
"""Kinds of stored operations and what they carry: recorded by the API, carried out by the conductor."""
from __future__ import annotations

import enum


class OperationKind(enum.StrEnum):
    """``configure``: files and host maintenance follow a changed record. ``action``: an operator's host action.
    ``delete``: a host goes."""

    CONFIGURE = "configure"
    ACTION = "action"
    DELETE = "delete"
