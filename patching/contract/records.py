# SPDX-License-Identifier: Apache-2.0
"""Bus records of software management: orders and their replies, what agents report, and what they are told."""
from __future__ import annotations

import enum
from dataclasses import dataclass, field

from patching.contract.states import AgentState, Owner


class OrderKind(enum.StrEnum):
    """What can be ordered of the conductor."""

    UPLOAD = "upload"
    DELETE_RELEASES = "delete-releases"
    COMMIT = "commit"
    PRECHECK = "precheck"
    START = "start"
    DEPLOY_HOST = "deploy-host"
    ROLL_BACK_HOST = "rollback-host"
    ACTIVATE = "activate"
    COMPLETE = "complete"
    ABORT = "abort"
    ACTIVATE_ROLLBACK = "activate-rollback"
    DELETE_DEPLOY = "delete-deploy"
    DROP_HOST = "drop-host"
    BIND_APPLICATION = "bind-application"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that the API has stored in the staging directory of its controller.

    ``name``: as the sender calls it, without directories. ``path``: relative to the staging directory.
    """

    name: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """One order. The reply of a repeated ``request_id`` (uuid text) is that of the first order.

    ``releases``: ids (delete-releases, commit, precheck, start, bind-application); the start of a classic deployment
    may name older patches after the newest one. ``hostname``: deploy-host, rollback-host, drop-host.
    ``force``: precheck and start without alarms that do not affect management. ``files``: upload. ``owner``: the
    interface through which the order came. ``user``: who gave it, for the log.
    """

    kind: OrderKind
    request_id: str
    releases: list[str] = field(default_factory=list)
    hostname: str = ""
    force: bool = False
    options: dict[str, str] = field(default_factory=dict)
    files: list[StagedFile] = field(default_factory=list)
    owner: Owner = Owner.USM
    user: str = ""


class ReplyStatus(enum.StrEnum):
    """What became of an order. ``pending``: it goes on as the task that the reply names."""

    OK = "ok"
    PENDING = "pending"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A release that an upload has brought, and the file that brought it."""

    name: str
    release_id: str
    version: str


@dataclass(frozen=True, slots=True)
class PrecheckReply:
    """The result of a precheck. ``healthy``: None when it could not be run. ``text``: all checks, for people."""

    release_id: str
    from_release: str
    to_release: str
    healthy: bool | None
    text: str = ""
    major_release: bool = False
    reboot_required: bool = True
    prepatched_iso: bool = False
    apply_operation: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to an order. ``info``, ``warning``, ``error``: lines for people. ``code``: of the refusal.

    ``allowed``: the deploy states in which the order is possible. ``task``: uuid of the task in the database that ends
    with the final reply.
    """

    status: ReplyStatus
    info: str = ""
    warning: str = ""
    error: str = ""
    code: str = ""
    allowed: list[str] = field(default_factory=list)
    task: str | None = None
    uploaded: list[UploadedFile] = field(default_factory=list)
    precheck: PrecheckReply | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of one release. ``path``: below the feed of the active controller (``/feed/``), without a slash at
    its ends. ``digest``: SHA-256 in hex of the manifest of its files. ``backend``: ``ostree``, ``rpm``, ``deb`` or
    ``fake``. ``commit``: of OSTree; empty elsewhere."""

    release_id: str
    version: str
    path: str
    digest: str
    backend: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class InstallOrder:
    """Make a host run ``version``. ``contents``: of all releases that it then runs, in the order of their deployment,
    from the first patch of the major release on. The agent installs what is missing, and takes away what is not named.

    ``(deploy_id, hostname, attempt)`` identifies the installation: an agent that has done it tells the result again.
    """

    deploy_id: str
    hostname: str
    attempt: int
    version: str
    contents: list[Content]
    reboot_required: bool = True
    is_rollback: bool = False
    timeout_s: int = 3600


@dataclass(frozen=True, slots=True)
class InstallProgress:
    """How far an installation is. ``percent``: 0 to 100. ``text``: what is done now, for people."""

    deploy_id: str
    hostname: str
    attempt: int
    percent: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class InstallResult:
    """The end of an installation. ``error``: why it failed; empty: it did not. ``version``: what the host runs, or
    will run after its next boot when ``needs_reboot``. ``digests``: of the content that it then has, by release id;
    None: the agent does not say it."""

    deploy_id: str
    hostname: str
    attempt: int
    error: str = ""
    version: str = ""
    needs_reboot: bool = False
    digests: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the agent of a host reports, every 30 s and on change; the next report makes up for a lost one.

    ``version``: what the host runs; ``installed_version``: what it runs after its next boot. ``digests``: of the
    content of each installed release, by id. ``packages``: versions of the packages that releases have brought.
    ``query_id``: that of the last ``report_now``. ``result``: of the last installation.
    """

    hostname: str
    host_uuid: str
    version: str
    state: AgentState = AgentState.IDLE
    ip: str = ""
    nodetype: str = ""
    subfunctions: list[str] = field(default_factory=list)
    installed_version: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    needs_reboot: bool = False
    boot_id: str = ""
    query_id: str = ""
    backend: str = ""
    result: InstallResult | None = None


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The content that a controller holds: digests by release id."""

    hostname: str
    digests: dict[str, str]
