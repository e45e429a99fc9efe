# SPDX-License-Identifier: Apache-2.0
"""Records that lie in the database as JSON; another release of the software may have written them."""
from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReleaseDetails:
    """What a release says of itself beyond what decisions are made on. ``hooks``: file names by ``pre_start``,
    ``post_start``, ``pre_install``, ``post_install``. ``supported_from``: major releases from which it can be reached.
    ``members``: SHA-256 in hex of the parts of its file that are neither description nor signature.
    """

    summary: str = ""
    description: str = ""
    install_instructions: str = ""
    warnings: str = ""
    apply_active_release_only: bool = False
    packages: list[str] = field(default_factory=list)
    activation_scripts: list[str] = field(default_factory=list)
    semantics: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    prepatched_iso: bool = False
    preinstalled_patches: list[str] = field(default_factory=list)
    supported_from: list[str] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredPrecheck:
    """The result of the last precheck."""

    release: str
    is_healthy: bool
    at_ms: int
    relaxed: bool = False
    text: str = ""
