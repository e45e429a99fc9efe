# SPDX-License-Identifier: Apache-2.0
"""Which content belongs to a version of the system, and how what a host has differs from it. Pure."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from patching.contract.records import Content, HostFacts
from patching.contract.states import ReleaseState
from patching.contract.version import Version
from patching.core.model import Release
from patching.core.requirements import PRESENT

SHOWN_MAX = 5
_PRESENT = PRESENT | {ReleaseState.DEPLOYING, ReleaseState.REMOVING}


def of_version(releases: Mapping[str, Release], contents: Mapping[str, Content], version: Version) -> list[Content]:
    """The content of all releases that a host has when it runs ``version``, in order. Both maps by release id."""
    found = [release for release in releases.values()
             if release.state in _PRESENT and release.version.same_major(version) and release.version <= version
             and release.id in contents]
    return [contents[release.id] for release in sorted(found, key=lambda one: (one.version, one.id))]


def difference(wanted: Sequence[Content], digests: Mapping[str, str]) -> str:
    """How the content of a host differs, for people; empty: it does not. ``digests``: what the host says that it has,
    by release id."""
    due = {content.release_id: content.digest for content in wanted}
    texts = [f"{name} is missing" if name not in digests else
             f"{name} has the digest {digests[name]:.12} instead of {digest:.12}"
             for name, digest in due.items() if digests.get(name) != digest]
    texts += [f"{name:.80} does not belong to it" for name in sorted(digests.keys() - due.keys())]
    if len(texts) > SHOWN_MAX:
        texts[SHOWN_MAX:] = [f"and {len(texts) - SHOWN_MAX} more"]
    return ", ".join(texts)


def has_other_software(facts: HostFacts, version: Version, wanted: Sequence[Content]) -> bool:
    """Whether a host says that it runs something else than ``version`` with the content ``wanted``. One that names no
    content runs what it was made with."""
    return facts.version not in ("", version.text) or bool(facts.digests and difference(wanted, facts.digests))
