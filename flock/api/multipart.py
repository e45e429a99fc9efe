# SPDX-License-Identifier: Apache-2.0
"""multipart/form-data bodies of upload routes, read from memory: the body limit has been applied before."""
from __future__ import annotations

import re
from dataclasses import dataclass

from flock.wire.errors import BadBody

PARTS_MAX = 100
HEADER_BYTES_MAX = 4096
_PARAMETER = re.compile(rb';\s*([a-zA-Z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One field; ``filename`` is None for a plain one."""

    name: str
    filename: str | None
    content: bytes

    def text(self) -> str:
        """The content as text; ``BadBody`` when it is no UTF-8 or holds NUL."""
        try:
            text = self.content.decode("utf-8")
        except UnicodeDecodeError:
            raise BadBody(detail=f"Form field {self.name} is not valid UTF-8.") from None
        if "\x00" in text:
            raise BadBody(detail=f"Form field {self.name} must not contain NUL characters.")
        return text


def parse_form(content_type: str, body: bytes) -> list[Part]:
    """The parts in order; ``BadBody`` when the body does not follow its own boundary."""
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/form-data"):
        raise BadBody(detail="The body must be multipart/form-data.")
    delimiter = b"\r\n--" + (match.group(1) or match.group(2)).encode("latin-1", "replace")
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise BadBody(detail="The multipart body is incomplete.")
    if len(sections) - 2 > PARTS_MAX:
        raise BadBody(detail=f"A form may have at most {PARTS_MAX} fields.")
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, separator, content = section.partition(b"\r\n\r\n")
    if not separator or len(head) > HEADER_BYTES_MAX:
        raise BadBody(detail="A part of the multipart body has no header.")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(b";" + value)}
            if b"name" in parameters:
                filename = parameters.get(b"filename")
                return Part(parameters[b"name"].decode("utf-8", "replace"),
                            None if filename is None else filename.decode("utf-8", "replace"), content)
    raise BadBody(detail="A part of the multipart body has no name.")
