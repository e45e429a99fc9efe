# SPDX-License-Identifier: Apache-2.0
"""Resource declarations: from one class come the WSME type that checks bodies, the renderer and the CLI labels.

``class Cpu(Record): envelope = "icpus"; cpu = attr(int, writer=AGENT, label="log_core")``
"""
from __future__ import annotations

import enum
import types as python_types
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from wsme import exc as wsme_exc
from wsme import types as wtypes

from flock.wire import times, types
from flock.wire.errors import BadBody, BadField, UnknownField, shown


class Writer(enum.StrEnum):
    """The only writer of a field (the architecture's one-writer rule)."""

    ADMIN = "admin"          # the operator through the API
    AGENT = "agent"          # inventory reported by a host
    SYSTEM = "system"        # the subsystem itself (ids, derived values)
    MTCE = "mtce"
    PATCHING = "patching"


ADMIN, AGENT, SYSTEM, MTCE, PATCHING = Writer.ADMIN, Writer.AGENT, Writer.SYSTEM, Writer.MTCE, Writer.PATCHING


class Attribute(wtypes.wsattr):  # type: ignore[misc]
    """A ``wsattr`` with its writer, its labels and its key in the stored row."""

    def __init__(self, datatype: Any, *, writer: Writer, label: str | None, detail: str | None,
                 source: str | None, secret: bool, optional: bool, nullable: bool, document: str, **wsme: Any) -> None:
        super().__init__(datatype, **wsme)
        self.writer, self.label, self.detail, self.source = writer, label, detail, source
        self.secret, self.optional, self.nullable, self.document = secret, optional, nullable, document


def attr(datatype: Any, *, writer: Writer = ADMIN, label: str | None = None, detail: str | None = None,
         mandatory: bool = False,
         name: str | None = None, source: str | None = None, secret: bool = False, optional: bool = False,
         nullable: bool = True, readonly: bool = False, default: Any = wtypes.Unset, document: str = "",
         **bounds: Any) -> Any:
    """Declare one attribute.

    ``datatype``: int, str, bool, dict, list, datetime, object (any JSON), an Enum class, a tuple of texts,
    ``[datatype]`` for a list, an instance of ``flock.wire.types.WireType`` or another ``Resource``.
    ``label`` is the title of its column on the command line; ``detail`` is its name in the output of one item, if
    that differs. ``bounds``: ``min``/``max`` of numbers, ``min_length``/``max_length``/``pattern``/``rule`` of text,
    ``ignore_case`` of choices. ``name`` is the wire name if it is no Python name; ``source`` is the key in the row if
    it differs from the wire name. ``secret`` fields are accepted but never rendered. If the row lacks the key, the
    rendering omits an ``optional`` field and shows any other as null. ``nullable`` False states in the schema that
    the value is never null. ``readonly`` fields are refused in bodies. ``document`` describes the field.
    """
    return Attribute(wire_type(datatype, **bounds), writer=writer, label=label, detail=detail, source=source,
                     secret=secret, optional=optional, nullable=nullable, document=document, mandatory=mandatory,
                     name=name, default=default, readonly=readonly)


def wire_type(datatype: Any, **bounds: Any) -> Any:
    """The ``WireType`` of a datatype that ``attr`` accepts; TypeError for any other."""
    if isinstance(datatype, types.WireType) or (isinstance(datatype, type) and issubclass(datatype, wtypes.Base)):
        if bounds:
            raise TypeError(f"{datatype!r} has its bounds already")
        return datatype
    if datatype is int:
        return types.Integer(bounds.pop("min", None), bounds.pop("max", None), **bounds)
    if datatype is str:
        return types.Text(**bounds)
    if isinstance(datatype, tuple) or (isinstance(datatype, type) and issubclass(datatype, enum.Enum)):
        return types.Choice(datatype, **bounds)
    if isinstance(datatype, list):
        return types.Items(wire_type(datatype[0], **bounds))
    plain = {bool: types.Boolean, dict: types.Document, datetime: types.Moment, object: types.Anything}
    if datatype in plain:
        return plain[datatype](**bounds)
    if datatype is list:
        return types.Items(types.Anything(), **bounds)
    raise TypeError(f"no wire type for {datatype!r}")


@dataclass(frozen=True, slots=True)
class Shape:
    """The settings of one resource class."""

    envelope: str
    path: str
    links: bool
    time_format: times.TimeFormat
    attributes: tuple[Attribute, ...]

    def by_name(self) -> dict[str, Attribute]:
        """Attributes by wire name."""
        return {attribute.name: attribute for attribute in self.attributes}


class ResourceMeta(wtypes.BaseMeta):  # type: ignore[misc]
    """Removes the settings from the class body, so that WSME sees only attributes."""

    SETTINGS: ClassVar[tuple[str, ...]] = ("envelope", "path", "links", "time_format")

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        own = {key: body.pop(key) for key in mcs.SETTINGS if key in body and not isinstance(body[key], Attribute)}
        if isinstance(own.get("time_format"), staticmethod):
            own["time_format"] = own["time_format"].__func__
        settings: dict[str, Any] = {"envelope": "", "path": "", "links": False, "time_format": times.with_offset}
        for base in reversed(bases):
            settings.update(getattr(base, "_settings", {}))
        if "envelope" in own and "path" not in own:
            own["path"] = own["envelope"]
        settings.update(own)
        body["_settings"] = settings
        # Without this WSME reads the source text of every class, which is a fifth of the start of an API.
        inherited = [key for base in reversed(bases) for key in getattr(base, "_wsme_attr_order", ())
                     if isinstance(body.get(key, getattr(base, key)), Attribute)]
        body["_wsme_attr_order"] = tuple(dict.fromkeys(
            (*inherited, *(key for key, value in body.items() if isinstance(value, Attribute)))))
        body.setdefault("__registry__", _REGISTRY)
        return super().__new__(mcs, name, bases, body)

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        super().__init__(name, bases, body)
        found: dict[str, Attribute] = {}
        for klass in reversed(cls.__mro__):
            for key, value in vars(klass).items():
                if isinstance(value, Attribute):
                    found[key] = value
        cls._shape = Shape(attributes=tuple(found.values()), **cls._settings)

    @property
    def envelope(cls) -> str:
        """The key of a list of these resources."""
        return str(cls._settings["envelope"])


_REGISTRY = wtypes.Registry()


class Resource(wtypes.Base, metaclass=ResourceMeta):  # type: ignore[misc]
    """Base of wire declarations. Settings in the class body: ``envelope`` (list key), ``path`` (collection below
    /v1/, default the envelope), ``links`` (render self and bookmark), ``time_format`` (see ``flock.wire.times``)."""


class Record(Resource):
    """A stored resource with uuid, times and links, like every sysinv resource."""

    links = True
    uuid = attr(types.Uuid(), writer=SYSTEM, nullable=False)
    created_at = attr(datetime, writer=SYSTEM, nullable=False)
    updated_at = attr(datetime, writer=SYSTEM)


def shape(resource: type[Resource]) -> Shape:
    """The settings and attributes of ``resource`` in order of declaration."""
    found: Shape = resource._shape
    return found


def labels(resource: type[Resource]) -> dict[str, str]:
    """``{wire name: label on the command line}`` of all fields that are not secret."""
    return {a.name: a.label or a.name for a in shape(resource).attributes if not a.secret}


def details(resource: type[Resource]) -> dict[str, str]:
    """``{wire name: name in the command line's output of one item}`` of all fields that are not secret."""
    return {a.name: a.detail or a.label or a.name for a in shape(resource).attributes if not a.secret}


def shown_names(resource: type[Resource]) -> frozenset[str]:
    """Wire names of the fields that a GET may show; a client may sort and filter only by these."""
    return frozenset(a.name for a in shape(resource).attributes if not a.secret)


def parse_body(resource: type[Resource], data: Any) -> Any:
    """An instance of ``resource`` from a parsed JSON body; ``BadBody``, ``UnknownField`` or ``BadField`` otherwise."""
    if not isinstance(data, dict):
        raise BadBody(detail="Request must be a JSON dict")
    known = shape(resource).by_name()
    unknown = [str(key) for key in data if key not in known]
    if unknown:
        raise _unknown(resource, ", ".join(sorted(unknown)))
    instance = resource()
    for name, attribute in known.items():
        if name in data:
            if attribute.readonly:
                raise BadField(field=name, value=shown(data[name]), rule="Cannot set read only field.")
            _assign(instance, attribute, data[name])
        elif attribute.mandatory:
            raise BadField(field=name, value=None, rule="Mandatory field missing.")
    return instance


def _unknown(resource: type[Resource], names: str) -> UnknownField:
    known = sorted(attribute.name for attribute in shape(resource).attributes
                   if attribute.writer is ADMIN and not attribute.readonly)
    return UnknownField(field=shown(names), rule=f"A request may have: {', '.join(known)}.")


def _assign(instance: Any, attribute: Attribute, value: Any) -> None:
    datatype = attribute.datatype
    if isinstance(datatype, type) and issubclass(datatype, Resource) and value is not None:
        value = parse_body(datatype, value)
    if value is None and attribute.mandatory:
        raise BadField(field=attribute.name, value=None, rule="Mandatory field missing.")
    try:
        setattr(instance, attribute.key, value)
    except wsme_exc.InvalidInput as error:
        raise BadField(field=attribute.name, value="***" if attribute.secret else shown(value),
                       rule=str(error.msg)) from None


def given(instance: Any) -> dict[str, Any]:
    """The converted fields of the body by row key (``source`` or wire name); null is None.

    Without those that only the system writes (uuid, times), which a client that sends an object back may send too.
    """
    found = {}
    for attribute in shape(type(instance)).attributes:
        if attribute.writer is SYSTEM:
            continue
        value = getattr(instance, attribute.key)
        if value is not wtypes.Unset:
            found[attribute.source or attribute.name] = value
    return found


def coerce(resource: type[Resource], name: str, value: Any) -> Any:
    """Convert one value of a json-patch operation by the type of field ``name``; None stays None.

    ``UnknownField`` when there is no such field, ``BadField`` when the value breaks the field's rule.
    """
    attribute = shape(resource).by_name().get(name)
    if attribute is None:
        raise _unknown(resource, name)
    if value is None:
        return None
    holder = resource()
    _assign(holder, attribute, value)
    return getattr(holder, attribute.key)


def as_mapping(row: Any) -> Any:
    """A mapping from a dict, a SQLAlchemy row or a RowMapping."""
    if isinstance(row, (dict, python_types.MappingProxyType)):
        return row
    return getattr(row, "_mapping", row)
