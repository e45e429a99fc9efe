# SPDX-License-Identifier: Apache-2.0
"""Kinds of stored operations: the API records them, the conductor carries them out."""
from __future__ import annotations

import enum


class OperationKind(enum.StrEnum):
    """``configure``: write files and inform mtce after a record changed. ``action``: carry out an operator's action.
    ``delete``: delete a host. ``resync``: take a host's states from mtce afresh. ``storage``: change a disk of a host.
    ``profile``: apply the profile that a host was added with.
    """

    CONFIGURE = "configure"
    ACTION = "action"
    DELETE = "delete"
    RESYNC = "resync"
    STORAGE = "storage"
    PROFILE = "profile"
