# SPDX-License-Identifier: Apache-2.0
"""The file in a ``multipart/form-data`` body: the part ``file``, bounded while it arrives."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import multipart

from sysinv.resources.bulk.reading import FILE_BYTES_MAX, DocumentRefused

PART = "file"
PARTS_MAX = 16
# What a form may have beside the file.
FORM_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class Upload:
    """The uploaded file."""

    data: bytes
    name: str
    media_type: str | None


def uploaded(pieces: Iterable[bytes], content_type: str) -> Upload | None:
    """Return the file of a form; None when the body is no form or the form has no such file. DocumentRefused."""
    kind, options = multipart.parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        return None
    try:
        return _file(pieces, options["boundary"])
    except multipart.MultipartError as error:
        raise DocumentRefused(f"the body is no multipart/form-data: {error}") from error


def _file(pieces: Iterable[bytes], boundary: str) -> Upload | None:
    received, found, current = 0, None, None
    parts: list[bytes] = []
    with multipart.PushMultipartParser(boundary, max_segment_count=PARTS_MAX) as parser:
        for piece in pieces:
            received += len(piece)
            if received > FILE_BYTES_MAX + FORM_BYTES_MAX:
                raise DocumentRefused(f"it has more than {FILE_BYTES_MAX} bytes")
            for event in parser.parse(piece):
                if isinstance(event, multipart.MultipartSegment):
                    current = event if found is None and event.name == PART and event.filename else None
                    found = current or found
                elif event and current is not None:
                    parts.append(bytes(event))
    return None if found is None else Upload(b"".join(parts), str(found.filename), found.content_type)
