# SPDX-License-Identifier: Apache-2.0
"""Takes in uploaded files: checked with distrust, then published and stored as releases. A file that is refused leaves
nothing on the disk."""
from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import FlockError, InvalidInput
from flock.db import utcnow
from flock.jobs.steps import OperationView, Step, Steps
from patching.artifact import isofile, patchfile
from patching.artifact.errors import ArtifactRefused
from patching.artifact.metadata import Metadata
from patching.artifact.patchfile import PatchFile
from patching.artifact.trust import Trust
from patching.artifact.unpack import Limits
from patching.conductor.machine import Machine
from patching.content.repository import Repository
from patching.contract.records import Order, Reply, ReplyStatus, StagedFile, UploadedFile
from patching.contract.states import ReleaseState
from patching.contract.stored import ReleaseDetails
from patching.core import majors
from patching.core.model import Release
from patching.db import views
from patching.db.views import Stored

LOG = logging.getLogger(__name__)
UPLOAD, INCOMING = "upload", "incoming"
UPLOAD_S = 4 * 3600.0
STAGED_MEMORY_S = 86_400.0
PATCH = ".patch"
_ORDER = codec_for(Order)
_DESCRIPTION = frozenset({isofile.UPGRADES, patchfile.METADATA, patchfile.CHECKSUM, patchfile.SIGNATURE_V2,
                          patchfile.MANIFEST, patchfile.MANIFEST_SIGNATURE})


class Uploads:
    """``staging``: where files wait. ``trusted``: whose signatures count now."""

    def __init__(self, machine: Machine, repository: Repository, staging: Path, trusted: Callable[[], Trust],
                 unpacked_max_bytes: int, majors_max: Callable[[], int] = lambda: 2) -> None:
        self._machine, self._repository, self._staging, self._trusted = machine, repository, staging, trusted
        self._majors_max = majors_max
        self._deciding = threading.Lock()
        self._limits = Limits(bytes_max=unpacked_max_bytes, members_max=patchfile.OUTER.members_max,
                              name_max=patchfile.OUTER.name_max)

    def kinds(self) -> dict[str, Steps]:
        """The plan of the task."""
        return {UPLOAD: Steps(UPLOAD, Step("take in", self.take_in, timeout_s=UPLOAD_S))}

    def take_in(self, task: OperationView) -> dict[str, Any]:
        """Take in all files of an order. One that is refused does not hold up the others."""
        order: Order = _ORDER.from_document(task.params["order"], "order")
        info, errors, uploaded = [], [], []
        try:
            for number, (staged, signature) in enumerate(paired(order.files)):
                try:
                    said, one = self._one(staged, signature, f"{task.uuid}-{number}")
                    info.append(said)
                    uploaded.append(one)
                except FlockError as refusal:
                    errors.append(str(refusal))
                except OSError as failure:
                    errors.append(f"{staged.name} cannot be stored: {_disk(failure)}")
        finally:
            for staged in order.files:
                self.place(staged).unlink(missing_ok=True)
        LOG.info("upload of %s by %s: %s", ", ".join(one.name for one in order.files), order.user or "somebody",
                 "; ".join(errors) or "taken")
        reply = Reply(ReplyStatus.REFUSED if errors else ReplyStatus.OK, "".join(f"{line}\n" for line in info),
                      error="".join(f"{line}\n" for line in errors), code="patching.artifact_refused" if errors else "",
                      uploaded=uploaded)
        return {"reply": views.REPLY.to_document(reply)}

    def place(self, staged: StagedFile) -> Path:
        """Where a staged file is. InvalidInput: its path leads out of the staging directory."""
        if staged.path in ("", ".", "..") or "/" in staged.path or "\0" in staged.path:
            raise InvalidInput(field="files.path", rule="must be a name in the staging directory")
        return self._staging / staged.path

    def sweep(self) -> None:
        """Remove staged files that nobody has ordered to take in for a day."""
        limit_s = time.time() - STAGED_MEMORY_S
        for path in self._staging.glob("*"):
            try:
                if path.stat().st_mtime < limit_s:
                    path.unlink()
            except OSError as error:
                LOG.warning("%s stays: %s", path, error)

    def _one(self, staged: StagedFile, signature: StagedFile | None, work: str) -> tuple[str, UploadedFile]:
        _fits(staged, signature)
        # On the same file system as the releases, since a part of it is moved there.
        place = self._repository.root / INCOMING / work
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        try:
            patch, supported = self._read(staged, signature, place)
            # Of two files of one release that come at once, the second one finds the first.
            with self._deciding:
                stored = self._machine.store.load()
                known = stored.view.releases.get(patch.metadata.id)
                if known is None:
                    said = self._new(staged.name, patch, supported, stored)
                else:
                    said = self._known(staged.name, patch, supported, known, stored)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return said, UploadedFile(staged.name, patch.metadata.id, patch.metadata.version.text)

    def _read(self, staged: StagedFile, signature: StagedFile | None,
              place: Path) -> tuple[PatchFile, tuple[str, ...] | None]:
        """The file, and from where one can come to a major release; None for a patch."""
        if signature is None:
            return patchfile.read(self.place(staged), staged.name, place, self._trusted(), utcnow(),
                                  self._limits), None
        limits = Limits(self._limits.bytes_max, isofile.IMAGE.members_max)
        release = isofile.read(self.place(staged), staged.name, self.place(signature), place, self._trusted(), utcnow(),
                               limits)
        return release.file, release.supported_from

    def _new(self, name: str, patch: PatchFile, supported: tuple[str, ...] | None, stored: Stored) -> str:
        version = patch.metadata.version
        if supported is not None:
            majors.admit(stored.view, patch.metadata.id, version, supported, self._majors_max())
        elif not version.is_patch or not any(
                release.version.same_major(version) and release.state is not ReleaseState.UNAVAILABLE
                for release in stored.view.releases.values()):
            raise ArtifactRefused(detail=f"{name} is for release {version.major}, which this system does not have. "
                                         "Upload that release first.")
        release = _release(patch.metadata, ReleaseState.AVAILABLE)
        content = self._repository.take(patch)
        self._machine.put_release(release, details_of(patch.metadata, supported or (), members_of(patch)), content)
        return f"{name} is now uploaded"

    def _known(self, name: str, patch: PatchFile, supported: tuple[str, ...] | None, known: Release,
               stored: Stored) -> str:
        members = members_of(patch)
        if stored.details[known.id].members not in ({}, members):
            raise ArtifactRefused(detail=f"{name} holds other content than {known.id}, which is uploaded already. "
                                         f"Delete that first: software delete {known.id}")
        if known.state is ReleaseState.COMMITTED:
            return f"{name}: {known.id} is committed, and stays as it is"
        release = _release(patch.metadata, known.state)
        self._machine.put_release(release if known.state is ReleaseState.AVAILABLE else known,
                                  details_of(patch.metadata, supported or (), members), None)
        return f"{name}: {known.id} is uploaded already; its description was refreshed"


def paired(files: Sequence[StagedFile]) -> list[tuple[StagedFile, StagedFile | None]]:
    """Each image with the signature of the same name, if that came with it; all other files alone."""
    signatures = {one.name: one for one in files if one.name.endswith(isofile.SIGNATURE)}
    images = [one for one in files if one.name.endswith(isofile.ISO)]
    of = {one.name: one.name.removesuffix(isofile.ISO) + isofile.SIGNATURE for one in images}
    return [(one, signatures.get(of.get(one.name, ""))) for one in files if one.name not in of.values()]


def _fits(staged: StagedFile, signature: StagedFile | None) -> None:
    stem, _, _ = staged.name.rpartition(".")
    if staged.name.endswith(isofile.SIGNATURE):
        raise ArtifactRefused(detail=f"{staged.name} is a signature; upload {stem}{isofile.ISO} with it.")
    if staged.name.endswith(isofile.ISO):
        if signature is None:
            raise ArtifactRefused(detail=f"{staged.name} lacks its signature; upload {stem}{isofile.SIGNATURE} with "
                                         "it.")
    elif not staged.name.endswith(PATCH):
        raise ArtifactRefused(detail=f"{staged.name} is neither a patch ({PATCH}) nor a major release "
                                     f"({isofile.ISO} with {isofile.SIGNATURE}).")


def members_of(patch: PatchFile) -> dict[str, str]:
    """The digests of what a release does; its description and the signatures may be made anew."""
    return {name: digest for name, digest in patch.digests.items()
            if name not in _DESCRIPTION and not name.startswith("patches/")}


def details_of(metadata: Metadata, supported_from: tuple[str, ...] = (),
               members: Mapping[str, str] | None = None) -> ReleaseDetails:
    """What is stored of a description beside what decisions are made on."""
    return ReleaseDetails(
        metadata.summary, metadata.description, metadata.install_instructions, metadata.warnings,
        metadata.apply_active_release_only, list(metadata.packages), list(metadata.activation_scripts),
        list(metadata.semantics), dict(metadata.hooks), metadata.prepatched_iso,
        list(metadata.preinstalled_patches), list(supported_from), dict(members or {}))


def _release(metadata: Metadata, state: ReleaseState) -> Release:
    return Release(metadata.id, metadata.version, state, metadata.component, metadata.status, metadata.reboot_required,
                   metadata.unremovable, metadata.requires)


def _disk(failure: OSError) -> str:
    if failure.errno == errno.ENOSPC:
        return "no space is left on the disk. Delete releases that nobody needs, then upload it again."
    return f"{failure.strerror or failure}."
