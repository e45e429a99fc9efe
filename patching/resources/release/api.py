# SPDX-License-Identifier: Apache-2.0
"""Routes of ``release``: list, show, upload, delete, commit, and questions about states."""
from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from flock.api.body import parse_json
from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, Description, described, describes
from flock.api.reply import Reply as Answer
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core.errors import Refused
from flock.db import Database
from flock.wire.types import Boolean, Text
from patching.api.ordering import RESULT, Commands, answer, result
from patching.api.staging import LIST_BYTES_MAX, Staging
from patching.content.repository import Repository
from patching.contract.limits import REPLY_MAX_S
from patching.contract.records import OrderKind, Reply, ReplyStatus, StagedFile
from patching.contract.states import ReleaseState
from patching.core import guards, requirements
from patching.core.operations.releases import committed_with, to_commit
from patching.db.views import read
from patching.resources.release.fields import PARTS, RELEASE, UPLOADED, chosen, parts_of, shown

UPLOAD_BYTES_MAX = 64 << 30
TEXT_MAX = 255
NAMES = {"type": "array", "items": {"type": "string"}}


class ReleasesController:
    """``/v1/release``."""

    max_body_bytes = UPLOAD_BYTES_MAX
    streams_body = True
    reply_max_s = REPLY_MAX_S

    @describes(query=(Argument("show", Text(TEXT_MAX), "Only releases in this state."),
                      Argument("release", Text(TEXT_MAX), "Only releases of this major release, such as 10.0.")),
               answers={200: {"type": "array", "items": RELEASE}})
    def get(self, call: Call) -> list[dict[str, Any]]:
        """All releases of the system."""
        stored = read(call.deps(Database))
        return [shown(stored, name) for name in chosen(stored, call.query.text("show"), call.query.text("release"))]

    @describes(body=AnyOf(({"type": "string", "description": "Files *.patch, or an .iso with its .sig."}, PARTS)),
               body_media=("multipart/form-data", "text/plain", "application/json"),
               answers={200: result(upload_info=UPLOADED), 406: result(upload_info=UPLOADED)}, errors=(413, 503, 504))
    def post(self, call: Call) -> Answer:
        """Upload releases: files, or as text/plain a list of paths of files on the controller, or as application/json
        names and digests of files that were sent before."""
        commands = call.deps(Commands)
        with _sent(call, call.deps(Staging)) as files:
            reply = commands.order(call, OrderKind.UPLOAD, files=files)
        reply = commands.ended(reply)
        return answer(call, reply, {"upload_info": [
            {one.name: {"id": one.release_id, "sw_release": one.version}} for one in reply.uploaded]})


class ReleaseController:
    """``/v1/release/<id>``."""

    @describes(answers={200: RELEASE})
    def get(self, call: Call) -> dict[str, Any]:
        """One release."""
        stored = read(call.deps(Database))
        return shown(stored, guards.release(stored.view, call.args["id"]).id)

    @describes(answers={200: RESULT, 406: RESULT}, errors=(503, 504))
    def delete(self, call: Call) -> Answer:
        """Remove a release from the system."""
        return _ordered(call, OrderKind.DELETE_RELEASES, call.args["id"])


class ReleaseNamesController:
    """``/v1/release/<id>/<id>…``."""

    @describes(answers={200: RESULT, 406: RESULT}, errors=(503, 504))
    def delete(self, call: Call) -> Answer:
        """Remove releases from the system, all or none."""
        return _ordered(call, OrderKind.DELETE_RELEASES, call.args["ids"])


class StateController:
    """``/v1/release/<id>[/<id>…]/is_<state>``."""

    def __init__(self, state: ReleaseState) -> None:
        self._state = state
        self.descriptions: dict[str, Description] = {"get": described(answers={200: {"type": "boolean"}})}

    def get(self, call: Call) -> Any:
        """Whether all of these releases are in that state; false when one is unknown."""
        releases = read(call.deps(Database)).view.releases
        return Answer(all(name in releases and releases[name].state is self._state for name in _names(call)))


class CommitController:
    """Makes releases permanent."""

    @describes(answers={200: RESULT, 406: RESULT}, errors=(503, 504))
    def post(self, call: Call) -> Answer:
        """Make releases permanent, with all that they require."""
        return _ordered(call, OrderKind.COMMIT, call.args["ids"])


class CommitDryRunController:
    """Shows what a commit would do."""

    @describes(answers={200: RESULT, 406: RESULT})
    def post(self, call: Call) -> Answer:
        """Say which releases would become permanent; nothing is changed."""
        view = read(call.deps(Database)).view
        try:
            names = to_commit(view, tuple(_names(call)))
        except Refused as refusal:
            return answer(call, Reply(ReplyStatus.REFUSED, error=f"{refusal}\n", code=refusal.code))
        if not names:
            return answer(call, Reply(ReplyStatus.OK, "Nothing would be committed.\n"))
        mib = call.deps(Repository).could_spare(committed_with(view, names)) / (1 << 20)
        return answer(call, Reply(ReplyStatus.OK, f"These releases would be committed: {', '.join(names)}\n"
                                                  f"This would free {mib:.2f} MiB.\n"))


class DependenciesController:
    """``/v1/software/query_dependencies/<id>[/<id>…]``."""

    @describes(query=(Argument("recursive", Boolean(), "Also what those require."),),
               answers={200: {"type": "object", "required": ["patches", "error"], "properties": {
                   "patches": NAMES, "error": {"type": "string"}}}})
    def get(self, call: Call) -> dict[str, Any]:
        """What releases require."""
        releases = read(call.deps(Database)).view.releases
        asked = _names(call)
        unknown = [name for name in asked if name not in releases]
        if call.query.bool("recursive"):
            found = {name for one in asked for name in requirements.required(releases, one)} - set(asked)
        else:
            found = {name for one in asked if one in releases for name in releases[one].requires}
        error = f"Unknown releases: {', '.join(unknown)}\n" if unknown else ""
        return {"patches": sorted(found), "error": error}


def _names(call: Call) -> list[str]:
    return [name for name in call.args["ids"].split("/") if name]


def _ordered(call: Call, kind: OrderKind, names: str) -> Answer:
    releases = list(dict.fromkeys(name for name in names.split("/") if name))
    return answer(call, call.deps(Commands).give(call, kind, releases=releases))


def _sent(call: Call, staging: Staging) -> AbstractContextManager[list[StagedFile]]:
    content_type = str(call.environ.get("CONTENT_TYPE") or "")
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type == "text/plain":
        return staging.of_paths(_whole(call))
    if media_type == "application/json":
        return staging.of_parts(parts_of(parse_json(_whole(call), call.depth_max)))
    return staging.of_form(call.pieces, content_type)


def _whole(call: Call) -> bytes:
    data = b""
    for piece in call.pieces:
        data += piece
        if len(data) > LIST_BYTES_MAX:
            raise Refused(detail=f"A list of files has at most {LIST_BYTES_MAX} bytes.")
    return data


_STATES = {f"/v1/release/{{ids+}}/is_{state}": StateController(state)
           for state in (ReleaseState.AVAILABLE, ReleaseState.DEPLOYED, ReleaseState.COMMITTED)}
_COMMITS = ("/v1/release/{ids+}/commit", "/v1/release/commit/{ids+}", "/v1/software/commit_patch/{ids+}")
_DRY_RUNS = ("/v1/release/{ids+}/commit_dry_run", "/v1/software/commit_dry_run/{ids+}")
_DEPENDENCIES = "/v1/software/query_dependencies/{ids+}"
ROUTES: dict[str, Any] = {
    "/v1/release": ReleasesController, "/v1/release/{id}": ReleaseController,
    "/v1/release/{ids+}": ReleaseNamesController, **_STATES, **dict.fromkeys(_COMMITS, CommitController),
    **dict.fromkeys(_DRY_RUNS, CommitDryRunController), _DEPENDENCIES: DependenciesController}
POLICY = (
    *(Rule("software:release:get", READER, "GET", path)
      for path in ("/v1/release", "/v1/release/{id}", *_STATES, _DEPENDENCIES)),
    Rule("software:release:upload", CONFIGURATOR, "POST", "/v1/release"),
    *(Rule("software:release:delete", CONFIGURATOR, "DELETE", path)
      for path in ("/v1/release/{id}", "/v1/release/{ids+}")),
    *(Rule("software:release:commit", CONFIGURATOR, "POST", path) for path in (*_COMMITS, *_DRY_RUNS)),
)
