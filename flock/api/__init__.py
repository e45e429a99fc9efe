# SPDX-License-Identifier: Apache-2.0
"""Builds a WSGI application from the ``ROUTES`` and ``POLICY`` of slices. Only this package makes error bodies."""
from flock.api.build import build_app, published_routes, slice_of
from flock.api.call import Call, Dependencies
from flock.api.dialect import Dialect, root_document, version_document
from flock.api.exchange import WebError
from flock.api.query import Query
from flock.api.reply import RawJson, Reply
from flock.auth.policy import ADMIN, ANYONE, CONFIGURATOR, OPERATOR, READER, SERVICE, Rule

__all__ = [
    "ADMIN", "ANYONE", "CONFIGURATOR", "OPERATOR", "READER", "SERVICE", "Call", "Dependencies", "Dialect", "Query",
    "RawJson", "Reply", "Rule", "WebError", "build_app", "published_routes", "root_document", "slice_of",
    "version_document",
]
