# SPDX-License-Identifier: Apache-2.0
"""Routes of ``/v1/iprofile``; ``PATCH /v1/ihosts/<host>`` applies a profile."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flock.api.call import Call
from flock.api.describe import Description, ViewPage, described, describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from flock.wire.resource import given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem
from sysinv.resources.bulk.form import uploaded
from sysinv.resources.bulk.reading import DocumentRefused
from sysinv.resources.profile.fields import (
    CPU_PROFILE,
    FORM,
    IMPORTED,
    INTERFACE_PROFILE,
    MEMORY_PROFILE,
    STORAGE_PROFILE,
    NewProfile,
    Profile,
    ProfileType,
)
from sysinv.resources.profile.parts import (
    CHILDREN,
    CPUS,
    DISKS,
    GROUPS,
    INTERFACES,
    MEMORY,
    NODES,
    PARTITIONS,
    PORTS,
    STORS,
    VOLUMES,
    Part,
)
from sysinv.resources.profile.rules import ProfileRefused
from sysinv.resources.profile.service import ProfileService
from sysinv.resources.profile.store import QUERY
from sysinv.resources.profile.table import PROFILES

_CHANGEABLE = ("profilename",)
_PATH = "iprofile"
IMPORT = "/v1/iprofile/import_profile"
# A larger file is read so far and refused; this ends a body without end.
BODY_BYTES_MAX = 8 << 20


class ProfilesController(AllItems):
    """``/v1/iprofile/detail``."""

    def get(self, call: Call) -> dict[str, Any]:
        """One page of profiles."""
        return self.page_of(call, self.inventory.query, _PATH)


class NewProfilesController(ProfilesController):
    """``/v1/iprofile`` also takes new profiles."""

    @describes(body=NewProfile, answers={200: Profile}, errors=(404, 409))
    def post(self, call: Call) -> dict[str, Any]:
        """Take a profile from a host that was unlocked before."""
        values = given(call.body_as(NewProfile))
        return render(Profile, call.deps(ProfileService).add(values), call.base_url)


class ProfileController(OneItem):
    """``/v1/iprofile/<uuid>``."""

    @describes(body=patch_of(Profile, _CHANGEABLE), answers={200: Profile}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Give a profile another name."""
        changes = plain_changes(Profile, call.patch(allowed=_CHANGEABLE, mandatory=_CHANGEABLE))
        row = call.deps(ProfileService).rename(call.args["uuid"], changes["profilename"])
        return render(Profile, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a profile for which no host waits; hosts keep what they have from it."""
        call.deps(ProfileService).delete(call.args["uuid"])


class PartController:
    """``/v1/iprofile/<uuid>/<collection>``: all items at once, because they are parts of one document."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.descriptions: dict[str, Description] = {"get": described(answers={200: ViewPage((part.view,))})}

    def get(self, call: Call) -> dict[str, Any]:
        """The items of a profile."""
        _, body = call.deps(ProfileService).get(call.args["uuid"])
        return {self._part.view.resource.envelope: self._part.rendered(body)}


class ListController:
    """``/v1/iprofile/<type>profiles_list``: all profiles of some types with what they have, as an array."""

    def __init__(self, types: Sequence[ProfileType], element: dict[str, Any], **parts: Part) -> None:
        self._types = types
        self._parts = parts
        self.descriptions: dict[str, Description] = {
            "get": described(answers={200: {"type": "array", "items": element}})}

    def get(self, call: Call) -> list[dict[str, Any]]:
        """All profiles with their items."""
        return [{"uuid": row["uuid"], "profilename": row["profilename"], "profiletype": row["profiletype"],
                 **{name: part.rendered(body) for name, part in self._parts.items()}}
                for row, body in call.deps(ProfileService).of_types(self._types)]


class ImportController:
    """``/v1/iprofile/import_profile``: answers 200 also when it imports nothing, as StarlingX did."""

    max_body_bytes = BODY_BYTES_MAX
    streams_body = True

    @describes(body=FORM, body_required=False, body_media=("multipart/form-data",), answers={200: IMPORTED},
               errors=(413,))
    def post(self, call: Call) -> list[dict[str, str]]:
        """Store the profiles of a file (XML), each for itself."""
        try:
            upload = uploaded(call.pieces, str(call.environ.get("CONTENT_TYPE") or ""))
        except DocumentRefused as problem:
            raise ProfileRefused(detail=f"The file of profiles can not be read: {problem}.") from problem
        if upload is None:
            raise ProfileRefused(detail="No file of profiles was uploaded.")
        return call.deps(ProfileService).import_file(upload.data)


def _inventory() -> Inventory:
    return Inventory("Profile", Profile, QUERY, PROFILES, children=dict.fromkeys(CHILDREN, _PATH))


ROUTES: dict[str, Any] = {
    "/v1/iprofile": NewProfilesController(_inventory()),
    "/v1/iprofile/detail": ProfilesController(_inventory()),
    "/v1/iprofile/cpuprofiles_list": ListController((ProfileType.CPU,), CPU_PROFILE, cpus=CPUS, nodes=NODES),
    "/v1/iprofile/memprofiles_list": ListController(
        (ProfileType.MEMORY,), MEMORY_PROFILE, memory=MEMORY, nodes=NODES),
    "/v1/iprofile/ifprofiles_list": ListController(
        (ProfileType.INTERFACE,), INTERFACE_PROFILE, ports=PORTS, interfaces=INTERFACES),
    "/v1/iprofile/storprofiles_list": ListController(
        (ProfileType.LOCAL_STORAGE, ProfileType.OSD), STORAGE_PROFILE, disks=DISKS, partitions=PARTITIONS, stors=STORS,
        lvgs=GROUPS, pvs=VOLUMES),
    IMPORT: ImportController,
    "/v1/iprofile/{uuid}": ProfileController(_inventory()),
} | {f"/v1/iprofile/{{uuid}}/{name}": PartController(part) for name, part in CHILDREN.items()}
POLICY = (
    *(Rule("sysinv_api:profile:get", READER, "GET", path) for path in ROUTES if path != IMPORT),
    Rule("sysinv_api:profile:import", CONFIGURATOR, "POST", IMPORT),
    Rule("sysinv_api:profile:add", CONFIGURATOR, "POST", "/v1/iprofile"),
    Rule("sysinv_api:profile:modify", CONFIGURATOR, "PATCH", "/v1/iprofile/{uuid}"),
    Rule("sysinv_api:profile:delete", CONFIGURATOR, "DELETE", "/v1/iprofile/{uuid}"),
)
