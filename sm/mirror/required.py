# SPDX-License-Identifier: Apache-2.0
"""The guard's file: who must have stored a write before it is acknowledged."""
from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Required:
    nodes: tuple[str, ...] = ()


def read_required(path: Path) -> frozenset[str] | None:
    """The nodes that the file names; None when it cannot be read, which means every node."""
    try:
        found: _Required = codec_for(_Required).decode(path.read_bytes(), path.name)
    except FileNotFoundError:
        return None
    except (OSError, InvalidInput) as error:
        LOG.warning("%s cannot be read, so every node is required: %s", path, error)
        return None
    return frozenset(found.nodes)
