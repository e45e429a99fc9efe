# SPDX-License-Identifier: Apache-2.0
"""Checks of gunicorn members that are not documented: a worker's state, the socket of a request."""
from __future__ import annotations

import gunicorn.http.wsgi
from gunicorn.config import KNOWN_SETTINGS
from gunicorn.workers.base import Worker

from flock.foreign import missing, require

PACKAGE = "gunicorn"
SOCKET = "gunicorn.socket"

require(PACKAGE, Worker, "alive", "long answers end when their worker does")
require(PACKAGE, Worker, "wsgi", "an application learns when its worker starts and ends")
if "control_socket_disable" not in {setting.name for setting in KNOWN_SETTINGS}:
    raise missing(PACKAGE, "setting control_socket_disable", "no worker opens a control socket")
if not any(SOCKET in str(getattr(member, "__code__", None) and member.__code__.co_consts)
           for member in vars(gunicorn.http.wsgi).values()):
    raise missing(PACKAGE, f"environ key {SOCKET}", "a slow body and a disconnected client are noticed")
