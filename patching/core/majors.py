# SPDX-License-Identifier: Apache-2.0
"""Whether a new major release may come onto the system. Pure."""
from __future__ import annotations

from collections.abc import Iterable

from patching.contract.errors import SoftwareRefused
from patching.contract.states import ReleaseState
from patching.contract.version import Version
from patching.core.model import View


def admit(view: View, release_id: str, version: Version, supported_from: Iterable[str], majors_max: int) -> None:
    """SoftwareRefused: it may not, with the reason. ``supported_from``: versions ``MM.mm`` that can be upgraded to it.
    ``majors_max``: major releases that may be there, with the new one."""
    known = sorted(supported_from)
    if _numbers(view.running.major) not in {_numbers(one) for one in known}:
        raise SoftwareRefused(detail=f"There is no upgrade from the running {view.running.major} to {release_id}; it "
                                     f"can be reached from {', '.join(known) or 'nowhere'}.")
    controllers = sorted((host for host in view.hosts.values() if host.personality == "controller"),
                         key=lambda host: host.id)
    if controllers and controllers[0].hostname != view.active:
        raise SoftwareRefused(detail=f"Major releases are uploaded while {controllers[0].hostname} is active; now "
                                     f"{view.active} is. Swact first.")
    # A release that failed to upload holds nothing; one that is unavailable still fills the disk.
    majors = {release.version.numbers[:2]: release.version.major for release in view.releases.values()
              if release.state is not ReleaseState.UPLOAD_FAILED}
    if version.numbers[:2] not in majors and len(majors) >= majors_max:
        raise SoftwareRefused(detail=f"There are {len(majors)} major releases already ("
                                     f"{', '.join(majors[key] for key in sorted(majors))}), and no more than "
                                     f"{majors_max} may be. Delete one that nobody needs: software delete.")


def _numbers(major: str) -> tuple[int, ...]:
    return tuple(int(part) for part in major.split("."))
