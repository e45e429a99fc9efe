# SPDX-License-Identifier: Apache-2.0
"""States of releases, of the deployment and of its hosts, as clients know them."""
from __future__ import annotations

import enum


class ReleaseState(enum.StrEnum):
    """State of a release on the system."""

    UPLOADING = "uploading"
    UPLOAD_FAILED = "upload-failed"
    AVAILABLE = "available"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    REMOVING = "removing"
    UNAVAILABLE = "unavailable"
    COMMITTED = "committed"


class ReleaseStatus(enum.StrEnum):
    """What its maker says of a release: finished, for tests, in development, obsolete."""

    RELEASED = "REL"
    TEST = "TST"
    DEVELOPMENT = "DEV"
    OBSOLETE = "OBS"


class DeployState(enum.StrEnum):
    """State of the one deployment that a system can have."""

    START = "start"
    START_DONE = "start-done"
    START_FAILED = "start-failed"
    HOST = "host"
    HOST_DONE = "host-done"
    HOST_FAILED = "host-failed"
    ACTIVATE = "activate"
    ACTIVATE_DONE = "activate-done"
    ACTIVATE_FAILED = "activate-failed"
    COMPLETED = "completed"
    ACTIVATE_ROLLBACK_PENDING = "activate-rollback-pending"
    ACTIVATE_ROLLBACK = "activate-rollback"
    ACTIVATE_ROLLBACK_DONE = "activate-rollback-done"
    ACTIVATE_ROLLBACK_FAILED = "activate-rollback-failed"
    HOST_ROLLBACK = "host-rollback"
    HOST_ROLLBACK_DONE = "host-rollback-done"
    HOST_ROLLBACK_FAILED = "host-rollback-failed"


class HostState(enum.StrEnum):
    """State of one host in the deployment."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    FAILED = "failed"
    ROLLBACK_PENDING = "rollback-pending"
    ROLLBACK_DEPLOYING = "rollback-deploying"
    ROLLBACK_DEPLOYED = "rollback-deployed"
    ROLLBACK_FAILED = "rollback-failed"


class Direction(enum.StrEnum):
    """Whether the deployment adds releases to the hosts, or takes them away."""

    APPLY = "apply"
    REMOVE = "remove"


class Owner(enum.StrEnum):
    """Through which interface the deployment was started: only that one may go on with it."""

    USM = "usm"
    CLASSIC = "sw-patch"


class AgentState(enum.StrEnum):
    """What the agent of a host does."""

    IDLE = "idle"
    INSTALLING = "installing"
    INSTALL_FAILED = "install-failed"
    INSTALL_REJECTED = "install-rejected"
