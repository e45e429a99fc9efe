# SPDX-License-Identifier: Apache-2.0
"""Versions of the software: ``MM.mm.pp``, compared as numbers."""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from flock.core.errors import InvalidInput

_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})\Z", re.ASCII)
_MAJOR = re.compile(r"\d{1,6}\.\d{1,6}\Z", re.ASCII)
_RELEASE_ID = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,63})-(\d{1,6}\.\d{1,6}\.\d{1,6})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One version. ``text`` keeps leading zeros (``24.09.1``), which are no part of the comparison."""

    numbers: tuple[int, int, int]
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str, name: str = "sw_version") -> Version:
        """The version that ``text`` names; InvalidInput for field ``name`` when it names none."""
        found = _VERSION.match(text)
        if found is None:
            raise InvalidInput(field=name, rule="must be three numbers with dots between them, such as 10.0.1")
        major, minor, patch = found.groups()
        return cls((int(major), int(minor), int(patch)), text)

    @property
    def major(self) -> str:
        """``MM.mm``: the major release to which this version belongs."""
        return self.text.rpartition(".")[0]

    @property
    def is_patch(self) -> bool:
        """Whether it is a patch of a major release, and not the major release as it was first published."""
        return self.numbers[2] > 0

    def same_major(self, other: Version) -> bool:
        """Whether both belong to one major release."""
        return self.numbers[:2] == other.numbers[:2]

    def __str__(self) -> str:
        return self.text


def of_installation(text: str) -> str:
    """The version that a host was installed with, from ``sw_version`` of its platform.conf: that has the major release
    only (``10.0``), and an installation brings it as it was first published. Other text is returned as it is."""
    return f"{text}.0" if _MAJOR.match(text) else text


def split_release_id(release_id: str) -> tuple[str, Version]:
    """``<component>-MM.mm.pp`` as component and version. InvalidInput: it is no such id."""
    found = _RELEASE_ID.match(release_id)
    if found is None:
        raise InvalidInput(field="id", rule=f"must be a component and a version, such as starlingx-10.0.1, "
                                            f"not {release_id!r:.80}")
    return found[1], Version.parse(found[2])
