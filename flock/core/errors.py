# SPDX-License-Identifier: Apache-2.0
"""The base classes of all errors: a code, an HTTP status, and a sentence that the operator can act on.

Subsystems derive their own classes from these. Every class registers under its ``code``, so an error raised in another
process arrives over the bus as the same class (see ``to_wire`` and ``from_wire``).
"""
from __future__ import annotations

from typing import Any, ClassVar


class FlockError(Exception):
    """Base of all errors that a caller may see.

    ``code`` names the error for programs, ``http`` is the status of the API's response, ``text`` is a format
    string for the keyword arguments given at construction.
    """

    code: ClassVar[str] = "flock.error"
    http: ClassVar[int] = 500
    text: ClassVar[str] = "{detail}"
    registry: ClassVar[dict[str, type[FlockError]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in cls.__dict__:
            known = FlockError.registry.get(cls.code)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise TypeError(f"error code {cls.code!r} is used by {known!r} and {cls!r}")
            FlockError.registry[cls.code] = cls

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        try:
            return self.text.format(**self.params)
        except (KeyError, IndexError):
            return f"{self.text} {self.params!r}"

    def to_wire(self) -> dict[str, Any]:
        """``{"code": str, "params": {name: JSON scalar}, "text": str}`` for the bus."""
        params = {
            name: value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
            for name, value in self.params.items()
        }
        return {"code": self.code, "params": params, "text": str(self)}


def from_wire(wire: dict[str, Any]) -> FlockError:
    """Rebuild an error from ``to_wire``; an unknown code becomes ``RemoteError`` with the peer's sentence."""
    known = FlockError.registry.get(str(wire.get("code", "")))
    if known is None or not isinstance(wire.get("params", {}), dict):
        return RemoteError(detail=str(wire.get("text", "")), remote_code=str(wire.get("code", "")))
    return known(**wire.get("params", {}))


class RemoteError(FlockError):
    """A peer failed with an error this process does not know."""

    code, http, text = "flock.remote_error", 500, "{detail}"


class Refused(FlockError):
    """The request is valid but not allowed in the current state."""

    code, http, text = "flock.refused", 400, "{detail}"


class InvalidInput(Refused):
    """A field breaks a rule; the sentence names both."""

    code, http, text = "flock.invalid_input", 400, "Invalid input for {field}: {rule}"


class Forbidden(Refused):
    """The caller is authenticated but not authorized."""

    code, http, text = "flock.forbidden", 403, "The requested action is not authorized"


class NotFound(Refused):
    """Nothing has that identifier."""

    code, http, text = "flock.not_found", 404, "{resource} {id} could not be found."


class Conflict(Refused):
    """The request conflicts with an existing resource."""

    code, http, text = "flock.conflict", 409, "{detail}"


class StaleWrite(Conflict):
    """Another request changed the row after it was read."""

    code, http, text = "flock.stale_write", 409, "{resource} {id} was changed by another request. Retry."


class Unavailable(FlockError):
    """A required service does not reply; nothing was changed."""

    code, http, text = "flock.unavailable", 503, "{service} is not available ({reason}). Retry in a moment."


class DeadlineExceeded(FlockError):
    """A wait reached its deadline; whether the peer did the work is unknown."""

    code, http, text = "flock.deadline_exceeded", 504, "{what} did not finish within {timeout_s} s."
