# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flock.exec import CommandFailed
from sm.postgres import rejoin
from sm.postgres.decisions import Peer
from sm.postgres.server import Server, ServerFailed
from tests.unit.sm.postgres.conftest import Answers, Place

PEER = Peer("controller-1", "71", 4)


def test_a_copy_takes_the_place_of_the_data_which_is_kept_aside(place: Place, there: Answers) -> None:
    place.put()
    place.put("old.1", "older")
    for mark in ("stuck", "rewound", "rewinding"):
        place.settings.beside(mark).touch()
    rejoin.seed(Server(place.settings), PEER)
    assert (place.content(), place.content("old.2")) == ("new", "old")
    assert place.beside() == ["main", "main.old.2"]
    assert any("pg_create_physical_replication_slot" in text for text in there.said)


def test_a_copy_that_fails_leaves_everything_as_it_was(place: Place, there: Answers) -> None:
    place.put()
    place.put("old.1", "older")
    place.script("pg_basebackup", '#!/bin/sh\nmkdir "$2"; echo "No space left on device" >&2; exit 1\n')
    with pytest.raises(CommandFailed, match="No space left"):
        rejoin.seed(Server(place.settings), PEER)
    assert (place.content(), place.beside()) == ("old", ["main", "main.old.1"])


@pytest.mark.parametrize("point", ["part", "whole", "aside", "placed"])
def test_a_copy_may_be_interrupted_anywhere(place: Place, there: Answers, point: str) -> None:
    if point in ("part", "whole"):
        place.put()
    if point in ("aside", "placed"):
        place.put("old.1")
    place.put("new" if point != "placed" else "", "new" if point != "part" else "half")
    if point != "part":
        place.settings.beside("new.whole").touch()
    server = Server(place.settings)
    rejoin.settle(server)
    if point == "placed":
        assert place.beside() == ["main", "main.old.1"]
    elif point == "aside":
        assert server.look().new_whole
        rejoin.finish_seed(server)
    else:
        if point == "whole":
            place.script("pg_basebackup", "#!/bin/sh\nexit 1\n")
        rejoin.seed(server, PEER)
    assert (place.content(), place.content("old.1"), place.beside()) == ("new", "old", ["main", "main.old.1"])


def test_what_is_not_whole_is_never_put_in_place(place: Place) -> None:
    place.put()
    place.put("new", "half")
    with pytest.raises(ServerFailed, match="not whole"):
        rejoin.finish_seed(Server(place.settings))
    assert place.content() == "old"


def test_a_rewind_leaves_its_mark_until_it_has_ended(place: Place, there: Answers) -> None:
    place.put()
    mark = place.settings.beside("rewinding")
    place.script("pg_rewind", f'#!/bin/sh\ntest -e {mark} || exit 3\ntest ! -e {place.settings.data}/standby.signal\n')
    (place.settings.data_directory / "standby.signal").touch()
    place.settings.beside("stuck").touch()
    assert rejoin.rewind(Server(place.settings), PEER)
    assert place.beside() == ["main", "main.rewound"]
    assert "CHECKPOINT" in there.said
    place.script("pg_rewind", "#!/bin/sh\nexit 1\n")
    assert not rejoin.rewind(Server(place.settings), PEER)
    assert mark.exists()
