# SPDX-License-Identifier: Apache-2.0
"""HTTP bodies: resource declarations, rendering, envelopes, paging, json-patch. Start with ``resource.attr``."""
from flock.wire.errors import BadBody, BadField, BadPage, BadPatch, UnknownArgument, UnknownField
from flock.wire.paging import PAGE_ARGUMENTS, Page, envelope, next_link, parse_page
from flock.wire.patch import PatchOp, last_values, parse_patch
from flock.wire.render import collection_links, links, render, render_many, renderer
from flock.wire.resource import (
    ADMIN,
    AGENT,
    MTCE,
    PATCHING,
    SYSTEM,
    Record,
    Resource,
    Writer,
    attr,
    coerce,
    given,
    labels,
    parse_body,
    shape,
    written_by,
)
from flock.wire.types import (
    Anything,
    Boolean,
    Choice,
    Document,
    Hostname,
    Integer,
    IpAddress,
    Items,
    Mac,
    Moment,
    Number,
    Text,
    Uuid,
)

__all__ = [
    "ADMIN", "AGENT", "MTCE", "PAGE_ARGUMENTS", "PATCHING", "SYSTEM", "Anything", "BadBody", "BadField", "BadPage",
    "BadPatch", "Boolean", "Choice", "Document", "Hostname", "Integer", "IpAddress", "Items", "Mac", "Moment",
    "Number", "Page", "PatchOp", "Record", "Resource", "Text", "UnknownArgument", "UnknownField", "Uuid", "Writer",
    "attr", "coerce", "collection_links", "envelope", "given", "labels", "last_values", "links", "next_link",
    "parse_body", "parse_page", "parse_patch", "render", "render_many", "renderer", "shape", "written_by",
]
