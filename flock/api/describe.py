# SPDX-License-Identifier: Apache-2.0
"""Declarations of the requests and responses of controller methods.

The application refuses undeclared query arguments, and ``flock.api.openapi`` makes the document from the
same declarations. ``@describes(query=(Argument("limit", Integer(0)),), body=AlarmBody, answers={200: page(Alarm)})``
"""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flock.wire.resource import Resource, shape
from flock.wire.types import Choice, Integer, Uuid, WireType

H = TypeVar("H", bound=Callable[..., Any])
JSON, JSON_PATCH = "application/json", "application/json-patch+json"
_MARK = "__description__"


@dataclass(frozen=True, slots=True)
class Argument:
    """One query argument. ``repeated``: a client may send it several times."""

    name: str
    datatype: WireType
    text: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A representation of a resource: all fields or only ``fields``, and ``extra`` keys.

    ``name`` distinguishes it from other views of the resource in the document; ``extra`` maps keys to JSON schemas.
    """

    resource: type[Resource]
    fields: Sequence[str] | None = None
    name: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ViewPage:
    """A page ``{envelope: [...], "next": url}``; ``items`` are the possible views of an element."""

    items: tuple[View, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def envelope(self) -> str:
        """The key of the list."""
        return self.items[0].resource.envelope


@dataclass(frozen=True, slots=True)
class Encoded:
    """A JSON string that contains JSON, for existing clients that decode twice."""

    content: Any


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several contents."""

    contents: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Patch:
    """A json-patch list; ``names``: the attributes that it may change, with the type of their values if known.

    ``members``: lists whose members it may add and remove by the path ``/<list>/-``, with the types of ``value``, which
    such an operation must have, and of further keys that it may have.
    """

    names: Mapping[str, WireType | None]
    operations: tuple[str, ...] = ("replace",)
    empty_values: bool = False
    members: Mapping[str, Mapping[str, WireType]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The response of one status. ``content`` by media type: a Resource, a View, a ViewPage or a JSON schema; empty
    for an empty body."""

    text: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    """The declaration of one operation, beyond its route and policy.

    ``errors``: error statuses in addition to those of every operation of its kind; ``headers``: request headers that
    the operation reads, with a text; ``body_required`` False: the operation also works without a body; ``body_media``:
    its media types.
    """

    query: tuple[Argument, ...] = ()
    body: Any = None
    body_required: bool = True
    answers: Mapping[int, Answer] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body_media: tuple[str, ...] = (JSON,)

    @property
    def query_names(self) -> frozenset[str]:
        """The names of the accepted query arguments."""
        return frozenset(argument.name for argument in self.query)


def describes(*, query: Sequence[Argument] = (), body: Any = None, body_required: bool = True,
              answers: Mapping[int, Any] | None = None, errors: Sequence[int] = (),
              headers: Mapping[str, str] | None = None,
              body_media: Sequence[str] = (JSON,)) -> Callable[[H], H]:
    """Declare a controller method; the docstring of the method is its summary.

    ``answers`` by status: an Answer, or the content of an ``application/json`` response, or None for an empty one.
    A controller that serves several resources has an attribute ``descriptions`` instead: the results of ``described``
    by method name.
    """
    found = described(query=query, body=body, body_required=body_required, answers=answers, errors=errors,
                      headers=headers, body_media=body_media)

    def mark(method: H) -> H:
        setattr(method, _MARK, found)
        return method

    return mark


def described(*, query: Sequence[Argument] = (), body: Any = None, body_required: bool = True,
              answers: Mapping[int, Any] | None = None, errors: Sequence[int] = (),
              headers: Mapping[str, str] | None = None, body_media: Sequence[str] = (JSON,)) -> Description:
    """The declaration as an object; same arguments as ``describes``."""
    given = {status: _answer(content) for status, content in ({204: None} if answers is None else answers).items()}
    return Description(tuple(query), body, body_required, given, tuple(errors), dict(headers or {}), tuple(body_media))


def description_of(handler: Any) -> Description | None:
    """The declaration of a controller method, from its controller or from the method; None when there is none."""
    own: Mapping[str, Description] = getattr(getattr(handler, "__self__", None), "descriptions", {})
    found: Description | None = own.get(getattr(handler, "__name__", "")) or getattr(handler, _MARK, None)
    return found


def patch_of(resource: type[Resource], names: Collection[str] | None = None, **settings: Any) -> Patch:
    """A json-patch of the attributes of ``resource`` (or of ``names`` only); ``settings`` as for Patch."""
    return Patch({a.name: a.datatype for a in shape(resource).attributes if names is None or a.name in names},
                 **settings)


def paging(sort_keys: Sequence[str] = ()) -> tuple[Argument, ...]:
    """The paging arguments of a collection that can be sorted by ``sort_keys``."""
    return (
        Argument("limit", Integer(0), "Largest number of elements; 0 or empty means the service's own limit."),
        Argument("marker", Uuid(), "Uuid of the last element of the previous page."),
        Argument("sort_key", Keys(tuple(sort_keys)), "Names to sort by, separated by commas."),
        Argument("sort_dir", Choice(("asc", "desc")), "Direction of the sort."))


class Keys(WireType):
    """Names from a fixed set, separated by commas; an empty set accepts any name."""

    name = "keys"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = tuple(sorted(known))

    def accepted(self) -> dict[str, Any]:
        if not self.known:
            return {"type": "string"}
        one = "|".join(self.known)
        return {"type": "string", "pattern": f"^({one})(,({one}))*$"}

    def validate(self, value: Any) -> str:
        unknown = [part for part in str(value).split(",") if self.known and part not in self.known]
        if unknown:
            raise ValueError(f"Value should be one of: {', '.join(self.known)}")
        return str(value)


def _answer(content: Any) -> Answer:
    if isinstance(content, Answer):
        return content
    return Answer("Done." if content is None else "Success.", {} if content is None else {JSON: content})
