# SPDX-License-Identifier: Apache-2.0
"""Routes of the classic interface, below ``/patch`` (sw-patch) and ``/v1`` (Horizon): administrators only."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, Description, described, describes
from flock.api.reply import Reply as Answer
from flock.auth.policy import ADMIN, Rule
from flock.core.errors import Refused
from flock.db import utcnow
from flock.wire.types import Boolean, Text
from patching.api.dialect import TEXTS
from patching.api.staging import FILES_MAX, Staging
from patching.classic import picture, verbs
from patching.classic.service import Classic, Known, softened, texts
from patching.classic.verbs import Command, Plan, Removal
from patching.content.repository import Repository
from patching.contract.limits import REPLY_MAX_S
from patching.contract.records import OrderKind
from patching.core import classic
from patching.core.classic import RepoState

UPLOAD_BYTES_MAX = 64 << 30
ALL = "--all"
RESULT = {"type": "object", "required": list(TEXTS), "properties": dict(TEXTS), "additionalProperties": False}
_OBJECT, _NAMES = {"type": "object"}, {"type": "array", "items": {"type": "string"}}
_YES = Text(8)
Texts = dict[str, str]


def _yes(call: Call, name: str) -> bool:
    return str(call.query.text(name, "")).lower() in ("yes", "true", "1")


def _ids(call: Call) -> list[str]:
    return [name for name in call.args["ids"].split("/") if name]


class Verb:
    """``POST``: what ``act`` does, told in three texts. ``arguments``: that may be given in the query."""

    reply_max_s = REPLY_MAX_S

    def __init__(self, act: Callable[[Call, Classic], Texts], arguments: tuple[str, ...] = ()) -> None:
        self._act = act
        # sw-patch sends neither body nor content type.
        self.descriptions: Mapping[str, Description] = {"post": described(
            query=[Argument(name, _YES) for name in arguments], answers={200: RESULT}, errors=(503, 504))}

    def post(self, call: Call) -> Texts:
        """Carry out a verb of sw-patch; a refusal is told in ``error``."""
        return softened(lambda: self._act(call, call.deps(Classic)))


class Question:
    """``GET``: what ``tell`` answers."""

    def __init__(self, tell: Callable[[Call, Classic], Any], schema: Mapping[str, Any],
                 arguments: tuple[Argument, ...] = ()) -> None:
        self._tell = tell
        self.descriptions: Mapping[str, Description] = {"get": described(query=arguments, answers={200: schema})}

    def get(self, call: Call) -> Answer:
        """Answer a question of sw-patch."""
        return Answer(self._tell(call, call.deps(Classic)))


class Asked(Question):
    """The same for ``POST``, which sw-patch sends, and ``GET``."""

    def __init__(self, tell: Callable[[Call, Classic], Any], schema: Mapping[str, Any]) -> None:
        super().__init__(tell, schema)
        self.descriptions = {**self.descriptions, "post": described(answers={200: schema})}

    def post(self, call: Call) -> Answer:
        """Answer a question of sw-patch."""
        return self.get(call)


class UploadController:
    """``upload``."""

    max_body_bytes = UPLOAD_BYTES_MAX
    streams_body = True
    reply_max_s = REPLY_MAX_S

    @describes(body={"type": "string", "description": "Files *.patch."}, body_media=("multipart/form-data",),
               answers={200: RESULT}, errors=(413, 503, 504))
    def post(self, call: Call) -> Texts:
        """Upload patches."""
        def act() -> Texts:
            commands = call.deps(Classic).commands
            with call.deps(Staging).of_form(call.pieces, str(call.environ.get("CONTENT_TYPE") or "")) as files:
                reply = commands.order(call, OrderKind.UPLOAD, files=files)
            reply = commands.ended(reply)
            return texts((reply.info,), (reply.warning,), (reply.error,))
        return softened(act)


class UploadDirController:
    """``upload_dir``."""

    reply_max_s = REPLY_MAX_S

    @describes(query=tuple(Argument(f"dir{number}", Text(4096)) for number in range(FILES_MAX)), answers={200: RESULT},
               errors=(503, 504))
    def post(self, call: Call) -> Texts:
        """Upload all patches in directories of the controller."""
        def act() -> Texts:
            paths = [path for number in range(FILES_MAX) if (name := call.query.text(f"dir{number}", ""))
                     for path in _patches_in(name)]
            commands = call.deps(Classic).commands
            with call.deps(Staging).of_paths(json.dumps(paths).encode()) as files:
                reply = commands.order(call, OrderKind.UPLOAD, files=files)
            reply = commands.ended(reply)
            return texts((reply.info,), (reply.warning,), (reply.error,))
        return softened(act)


def _patches_in(directory: str) -> list[str]:
    if not directory.startswith("/") or "\0" in directory:
        raise Refusal(detail=f"{directory!r:.200} is not an absolute path.")
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(".patch"))
    except OSError as error:
        raise Refusal(detail=f"{directory!r:.200} cannot be read: {error.strerror}.") from error
    if not names:
        raise Refusal(detail=f"There are no files *.patch in {directory!r:.200}.")
    return [os.path.join(directory, name) for name in names]


class Refusal(Refused):
    """The request cannot be carried out."""

    code, http, text = "patching.classic.refused", 406, "{detail}"


def _apply(call: Call, service: Classic) -> Texts:
    known, asked = service.known(), _ids(call)
    if asked == [ALL]:
        asked = list(verbs.available(known.view))
        if not asked:
            return texts(("There are no available patches to be applied.",))
    plan = verbs.apply(known.view, _agent_states(known), asked)
    return service.carry_out(call, _skipping(call, plan))


def _remove(call: Call, service: Classic) -> Texts:
    known = service.known()
    how = Removal(_yes(call, "removeunremovable"), _yes(call, "skipappcheck"), known.uses)
    return service.carry_out(call, _skipping(call, verbs.remove(known.view, _agent_states(known), _ids(call), how)))


def _skipping(call: Call, plan: Plan) -> Plan:
    """The plan without the programs that may refuse it."""
    if not _yes(call, "skip-semantic"):
        return plan
    return Plan(tuple(Command(one.kind, one.releases, one.hostname, {**one.options, "skip-semantic": "yes"})
                      if one.kind is OrderKind.START else one for one in plan.commands), plan.info, plan.error)


def _agent_states(known: Known) -> dict[str, Any]:
    return {name: seen.facts.state for name, seen in known.seen.items()}


def _delete(call: Call, service: Classic) -> Texts:
    known = service.known()
    return service.carry_out(call, verbs.delete(known.view, picture.patch_states(known.view, known.facts), _ids(call)))


def _commit(call: Call, service: Classic) -> Texts:
    return service.carry_out(call, verbs.commit(service.known().view, _ids(call)))


def _commit_dry_run(call: Call, service: Classic) -> Texts:
    plan = verbs.commit_preview(service.known().view, _ids(call), call.deps(Repository).could_spare)
    return texts(plan.info, (), plan.error)


def _install(call: Call, service: Classic) -> Texts:
    """Begins, and waits for the end."""
    hostname = call.args["hostname"]
    done = _install_async(call, service)
    return done if done["error"] else service.installed(hostname)


def _install_async(call: Call, service: Classic) -> Texts:
    known = service.known()
    return service.carry_out(call, verbs.host_install(known.view, known.seen, call.args["hostname"]))


def _drop_host(call: Call, service: Classic) -> Texts:
    if call.args["hostname"] not in service.known().seen:
        return texts(error=(f"Host {call.args['hostname']} is not known: its agent has never reported",))
    return service.carry_out(call, Plan((Command(OrderKind.DROP_HOST, hostname=call.args["hostname"]),),
                                        (f"{call.args['hostname']} has been dropped",)))


def _bind(call: Call, service: Classic) -> Texts:
    application = str(call.query.text("app", ""))
    names = [] if call.args.get("ids") is None else _ids(call)
    if not application:
        return texts(error=("The name of the application (app) is missing",))
    return service.carry_out(call, Plan((Command(OrderKind.BIND_APPLICATION, tuple(names),
                                                 options={"application": application}),),
                                        (f"{application} depends on {', '.join(names) or 'no patches'}",)))


def _init_release(call: Call, service: Classic) -> Texts:
    name = call.args["release"]
    if name in (service.known().view.running.major, service.known().view.running.text):
        return texts(error=(f"Rejected: {name} is the running release",))
    return texts((f"Release {name} gets its repository when it is uploaded",))


def _del_release(call: Call, service: Classic) -> Texts:
    view, name = service.known().view, call.args["release"]
    if name in (view.running.major, view.running.text):
        return texts(error=(f"Rejected: {name} is the running release",))
    doomed = tuple(release.id for release in view.releases.values() if name in (release.version.major,
                                                                                release.version.text))
    if not doomed:
        return texts((f"There is no repository of release {name}",))
    return service.carry_out(call, Plan((Command(OrderKind.DELETE_RELEASES, doomed),), (
        f"The repository of release {name} has been deleted",)))


def _query(call: Call, service: Classic) -> dict[str, Any]:
    known, show = service.known(), str(call.query.text("show", "all"))
    return {"pd": picture.listed(known.stored, known.facts, show if show in picture.SHOWN else "all",
                                 str(call.query.text("release", "")))}


def _show(call: Call, service: Classic) -> dict[str, Any]:
    known, asked = service.known(), _ids(call)
    patches = {release.id: release for release in verbs.patches(known.view)}
    there = [name for name in asked if name in patches]
    error = "".join(f"Patch {name} does not exist\n" for name in asked if name not in patches)
    return {"metadata": {name: picture.described(known.stored, patches[name], known.facts) for name in there},
            "contents": {name: list(known.stored.details[name].packages) for name in there}, "error": error}


def _query_hosts(_call: Call, service: Classic) -> dict[str, Any]:
    known = service.known()
    return {"data": picture.hosts(known.stored, known.seen, utcnow(), service.silence_s)}


def _what_requires(call: Call, service: Classic) -> Texts:
    plan = verbs.what_requires(service.known().view, _ids(call))
    return texts(plan.info, (), plan.error)


def _dependencies(call: Call, service: Classic) -> dict[str, Any]:
    found, wrong = verbs.dependencies(service.known().view, _ids(call), _yes(call, "recursive"))
    return {"patches": found, "error": "".join(f"{line}\n" for line in wrong)}


def _uses(_call: Call, service: Classic) -> dict[str, Any]:
    return dict(service.known().uses)


def _is(state: RepoState) -> Callable[[Call, Classic], bool]:
    def tell(call: Call, service: Classic) -> bool:
        view = service.known().view
        patches = {release.id: release for release in verbs.patches(view)}
        return all(name in patches and classic.repo_state(view, patches[name]) is state for name in _ids(call))
    return tell


_SHOW = {"type": "object", "required": ["metadata", "contents", "error"], "properties": {
    "metadata": _OBJECT, "contents": _OBJECT, "error": {"type": "string"}}}
_CONTROLLERS: dict[str, Any] = {
    "query": Question(_query, {"type": "object", "required": ["pd"], "properties": {"pd": _OBJECT}},
                      (Argument("show", Text(32)), Argument("release", Text(64)))),
    "show/{ids+}": Asked(_show, _SHOW),
    "upload": UploadController(), "upload_dir": UploadDirController(),
    "apply/{ids+}": Verb(_apply, ("skip-semantic",)),
    "remove/{ids+}": Verb(_remove, ("removeunremovable", "skipappcheck", "skip-semantic")),
    "delete/{ids+}": Verb(_delete), "commit/{ids+}": Verb(_commit), "commit_dry_run/{ids+}": Verb(_commit_dry_run),
    "query_hosts": Question(_query_hosts, {"type": "object", "required": ["data"], "properties": {
        "data": {"type": "array", "items": _OBJECT}}}),
    "host_install/{hostname}": Verb(_install), "host_install/{hostname}/force": Verb(_install),
    "host_install_async/{hostname}": Verb(_install_async), "host_install_async/{hostname}/force": Verb(_install_async),
    "drop_host/{hostname}": Verb(_drop_host),
    "what_requires/{ids+}": Question(_what_requires, RESULT),
    "query_dependencies/{ids+}": Question(_dependencies, {"type": "object", "required": ["patches", "error"],
                                          "properties": {"patches": _NAMES, "error": {"type": "string"}}},
                                          (Argument("recursive", Boolean()),)),
    "is_applied/{ids+}": Asked(_is(RepoState.APPLIED), {"type": "boolean"}),
    "is_available/{ids+}": Asked(_is(RepoState.AVAILABLE), {"type": "boolean"}),
    "report_app_dependencies": Verb(_bind, ("app",)), "report_app_dependencies/{ids+}": Verb(_bind, ("app",)),
    "query_app_dependencies": Asked(_uses, {"type": "object", "additionalProperties": _NAMES}),
    "init_release/{release}": Verb(_init_release), "del_release/{release}": Verb(_del_release),
}
ROUTES: dict[str, Any] = {f"{base}/{path}": controller for base in ("/patch", "/v1")
                          for path, controller in _CONTROLLERS.items()}
POLICY = tuple(Rule(f"patching:classic:{path.split('/', 3)[2]}", ADMIN, method, path)
               for path, controller in ROUTES.items()
               for method in ("GET", "POST") if hasattr(controller, method.lower()))
