# SPDX-License-Identifier: Apache-2.0
"""Entity instance ids: containment, type path, and filling of catalogue templates. Ids are otherwise opaque text."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

SEPARATORS = (".", ",")
_TYPED = re.compile(r"(?:^|(?<=[.,]))([A-Za-z][A-Za-z0-9_-]*)=")


def containers(entity_instance_id: str) -> list[str]:
    """The id itself and every id that could contain it: the text before each separator."""
    found = [entity_instance_id[:place] for place, char in enumerate(entity_instance_id) if char in SEPARATORS]
    return [*found, entity_instance_id]


def entity_type(entity_instance_id: str) -> str:
    """The dotted type path: ``host=c0.port=p`` gives ``host.port``; an id without ``type=`` gives its first word."""
    names = _TYPED.findall(entity_instance_id)
    return ".".join(names) if names else re.split(r"[.,]", entity_instance_id, maxsplit=1)[0]


def fill(templates: Sequence[str], parts: Mapping[str, str]) -> str | None:
    """The entity id made from the first template whose named segments are exactly ``parts``; None when none fits.

    ``fill(["host=<hostname>"], {"host": "controller-0"})`` gives ``host=controller-0``. A segment with a fixed value
    in the template (``command=unlock``) fits only that value.
    """
    for template in templates:
        text = _filled(template, parts)
        if text is not None:
            return text
    return None


def _filled(template: str, parts: Mapping[str, str]) -> str | None:
    pieces = _TYPED.split(template)
    names = pieces[1::2]
    if len(set(names)) != len(names) or set(names) != set(parts):
        return None
    text = pieces[0]
    for name, rest in zip(names, pieces[2::2], strict=True):
        head, placeholder, tail = rest.partition("<")
        if not placeholder and parts[name] != rest.rstrip(".,"):
            return None
        if placeholder and not parts[name].startswith(head):
            return None
        text += f"{name}={parts[name]}{tail.rpartition('>')[2]}" if placeholder else f"{name}={rest}"
    return text
