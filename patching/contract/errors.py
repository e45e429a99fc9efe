# SPDX-License-Identifier: Apache-2.0
"""Errors of software management. Clients take 406 for every refusal of the state of things."""
from __future__ import annotations

from flock.core.errors import NotFound, Refused


class SoftwareRefused(Refused):
    """What was asked for is not allowed now; nothing was changed."""

    code, http, text = "patching.refused", 406, "{detail}"


class WrongDeployState(SoftwareRefused):
    """The deployment is in another state than the operation needs. ``allowed``: the states, separated by commas."""

    code, http = "patching.wrong_deploy_state", 406
    text = "{operation} is not possible in deploy state {state}. It is possible in: {allowed}."


class UnknownRelease(NotFound):
    """There is no release of that id."""

    code, http = "patching.unknown_release", 404
    text = "Release {id} does not exist. 'software list' names those that do."
