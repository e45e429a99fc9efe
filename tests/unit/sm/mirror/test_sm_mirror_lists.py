# SPDX-License-Identifier: Apache-2.0
"""Names, lists, steps between lists, whose data is taken, and what may be acknowledged: the pure parts."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.mirror import names, standing
from sm.mirror.acceptance import Held, Leader, refusal
from sm.mirror.manifest import NONE, Entry, Generation, Kind, Limits, applied, behind, difference, digest, manifest
from sm.mirror.plan import plan, sources, staged_name, unacknowledged

LIMITS = Limits(entries=50, file_bytes=1_000, total_bytes=5_000, names_bytes=10_000)


def entry(name: str, kind: Kind = Kind.FILE, word: str = "a", **other: object) -> Entry:
    what: dict[str, object] = {Kind.FILE: {"size": 10, "digest": (word * 64)[:64]}, Kind.DIRECTORY: {},
                               Kind.LINK: {"target": word}}[kind]  # type: ignore[dict-item]
    common = {"mode": 0o644, "owner": "root", "group": "root"}
    return Entry(name, kind, **{**common, **what, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [b"a", b"a/b.c", b"\xff\xfe", "ä/ß".encode(), b"a b%c\n", b".hidden", b"x" * 255,
                                  b"~+,@:="])
def test_each_name_has_one_text(path: bytes) -> None:
    assert names.raw(names.quoted(path)) == path and names.broken_name(names.quoted(path)) == ""


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "%00", "%61", "%2e%2e", "%2F",
                                  "a b", "ä", "%zz", "x" * 256, "/".join("d" * 33), "/".join(["x" * 250] * 5),
                                  ".sm-mirror", ".sm-mirror/next", "a\0b", "a\nb"])
def test_other_texts_are_refused(name: str) -> None:
    assert names.broken_name(name)


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_text_that_is_accepted_leads_out(path: bytes) -> None:
    for name in (names.quoted(path), path.decode("latin-1")):
        if not names.broken_name(name):
            parts = names.raw(name).split(b"/")
            assert not {b"", b".", b".."} & set(parts) and b"\0" not in names.raw(name)


@pytest.mark.parametrize(("name", "target", "good"), [
    ("l", "a", True), ("d/l", "../a", True), ("d/e/l", "../../a/b", True), ("l", "./a//b", True), ("l", "%C3%A4", True),
    ("l", "../a", False), ("d/l", "../../a", False), ("l", "/etc", False), ("l", "", False), ("l", "a/../b", False),
    ("d/l", "../x/../../a", False), ("l", "a%00", False), ("l", "ä", False), ("l", "a" * 1025, False)])
def test_links_that_can_lead_out_are_refused(name: str, target: str, good: bool) -> None:
    assert (names.broken_target(name, target) == "") is good


@pytest.mark.parametrize(("entries", "place"), [
    ([entry("../a")], "../a"), ([entry("a"), entry("a")], "a"), ([entry("d/a")], "d/a"),
    ([entry("d"), entry("d/a")], "d/a"), ([entry("a", mode=0o10000)], "a"), ([entry("a", digest="g" * 64)], "a"),
    ([entry("a", size=1_001)], "a"), ([entry("a", size=-1)], "a"), ([entry("a", owner="")], "a"),
    ([entry("a", owner="x\0y")], "a"), ([entry("a", group="a b")], "a"), ([entry("a", target="b")], "a"),
    ([entry("d", Kind.DIRECTORY, size=1)], "d"), ([entry("d", Kind.DIRECTORY, target="b")], "d"),
    ([entry("l", Kind.LINK, target="/b")], "l"), ([entry("l", Kind.LINK, digest="a" * 64)], "l"),
    ([entry(f"f{number}") for number in range(51)], "entries"),
    ([entry(f"f{number}", size=1_000) for number in range(6)], "entries"),
    ([entry(f"{number}" + "x" * 240) for number in range(45)], "entries")])
def test_a_list_that_breaks_a_rule_is_refused_with_the_place(entries: list[Entry], place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        manifest(entries, LIMITS)
    assert refused.value.params["field"] == place and refused.value.params["rule"]


def test_the_digest_depends_on_everything_but_the_order() -> None:
    one, other = entry("a"), entry("b", Kind.LINK)
    assert digest({"a": one, "b": other}) == digest({"b": other, "a": one})
    words = {digest({"a": replace(one, **change)}) for change in (  # type: ignore[arg-type]
        {}, {"mode": 0o600}, {"owner": "x"}, {"group": "x"}, {"size": 11}, {"digest": "b" * 64}, {"name": "c"})}
    assert len(words) == 7 and staged_name(one) != staged_name(replace(one, mode=0o600))


NAMES = ("a", "b", "a/c", "a/d", "a/c/e", "b/f")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for name in NAMES:
        above = names.parent(name)
        if (not above or above in found and found[above].kind is Kind.DIRECTORY) and draw(st.booleans()):
            found[name] = entry(name, draw(st.sampled_from(list(Kind))), draw(st.sampled_from("ab")))
    return found


@given(trees(), trees())
@settings(max_examples=300, deadline=None)
def test_the_steps_lead_from_any_list_to_any_other(have: dict[str, Entry], want: dict[str, Entry]) -> None:
    steps, now = plan(have, want), dict(have)

    def put(each: Entry) -> None:
        above = names.parent(each.name)
        assert not above or now[above].kind is Kind.DIRECTORY, "its directory is there"
        before = now.get(each.name)
        assert before is None or before.kind is each.kind or Kind.DIRECTORY not in (before.kind, each.kind)
        now[each.name] = each

    def remove(name: str) -> None:
        assert not any(other.startswith(f"{name}/") for other in now), "it is empty"
        del now[name]

    for name in steps.clear:
        remove(name)
    for each in (*steps.directories, *steps.files, *steps.links):
        put(each)
    for name in steps.remove:
        remove(name)
    assert now == want
    changed, removed = difference(have, want)
    assert applied(have, changed, removed, LIMITS) == want
    assert (behind(have, want) == (0, 0)) is (have == want)


def test_a_difference_that_removes_what_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput):
        applied({}, (), ("a",), LIMITS)


def test_what_is_lost_is_what_only_this_node_has() -> None:
    reference = {name: entry(name, word="a") for name in ("same", "theirs", "mine", "gone-there", "both")}
    have = {**reference, "mine": entry("mine", word="b"), "new": entry("new"), "both": entry("both", word="c")}
    want = {**reference, "theirs": entry("theirs", word="d"), "both": entry("both", word="c")}
    del want["gone-there"]
    assert set(unacknowledged(have, reference, want)) == {"mine", "new"}
    assert set(unacknowledged(have, None, want)) == {"mine", "new", "theirs", "gone-there"}
    assert unacknowledged({"d": entry("d", Kind.DIRECTORY)}, None, {}) == ()
    assert sources(have)["b" * 64] == "mine"


@pytest.mark.parametrize(("peer", "offered", "leader", "held", "word"), [
    ("c0", (5, 1), ("c0", 5), ("c0", (5, 1)), ""), ("c0", (5, 2), ("c0", 5), ("c0", (5, 1)), ""),
    ("c0", (5, 1), ("c0", 5), ("", (0, 0)), ""), ("c0", (6, 1), ("c0", 5), ("c0", (5, 9)), ""),
    ("c0", (5, 1), ("c0", 5), ("c1", (4, 2_000)), ""), ("c0", (5, 1), ("c1", 5), ("c0", (4, 1)), "from nobody"),
    ("c0", (5, 1), ("", 5), ("c0", (4, 1)), "does not lead"), ("c0", (5, 1), ("c2", 5), ("", (0, 0)), "does not lead"),
    ("c0", (4, 9), ("c0", 5), ("c0", (4, 1)), "is over"), ("c0", (5, 1), ("c0", 5), ("c1", (5, 0)), "was active"),
    ("c0", (5, 1), ("c0", 5), ("c0", (5, 2)), "is older"), ("c0", (5, 1), ("c0", 5), ("c2", (6, 2)), "is older")])
def test_whose_data_a_standby_takes(peer: str, offered: tuple[int, int], leader: tuple[str, int],
                                    held: tuple[str, tuple[int, int]], word: str) -> None:
    found = refusal("c1", peer, Generation(*offered), Leader(*leader), Held(held[0], Generation(*held[1])))
    assert (found == "") is (word == "") and word in found


def test_in_sync_is_who_lacks_nothing_for_long() -> None:
    at, first, second = 1_000, Generation(1, 1), Generation(1, 2)
    view = standing.published(standing.Standing(standing.Order(frozenset({"c1"}))), first, True, at)
    assert standing.lag(view, "c1", at) == "it has not connected" and standing.in_sync(view, at) == frozenset()
    view = standing.connected(view, "c1", at)
    assert standing.in_sync(view, at) == frozenset(), "it is being filled"
    view = standing.stored(view, "c1", first, "word", at, at + 10)
    assert standing.in_sync(view, at + 10) == {"c1"} and standing.missing(view, first) == frozenset()
    view = standing.published(view, second, True, at + 20)
    assert standing.missing(view, second) == {"c1"}
    assert standing.in_sync(view, at + 20 + standing.LAG_MS) == {"c1"}, "it is on its way"
    assert "lacks" in standing.lag(view, "c1", at + 21 + standing.LAG_MS)
    late = standing.stored(view, "c1", second, "word", at, at + 5_000)
    assert standing.in_sync(late, at + 5_000) == {"c1"}
    assert "not heard" in standing.lag(late, "c1", at + 5_001 + standing.SILENT_MS)
    assert standing.in_sync(replace(late, complete=False), at + 5_000) == frozenset()
    view = standing.gone(late, "c1", "cut")
    assert standing.lag(view, "c1", at) == "cut" and standing.missing(view, first) == {"c1"}
    assert standing.stored(view, "c1", second, "word", at, at).peer("c1").stored == NONE


def test_an_order_holds_when_its_nodes_have_all_that_was_before() -> None:
    view = standing.Standing(standing.Order(frozenset(), 3), Generation(1, 5), True)
    assert standing.enforced(view, True) == 3 == standing.enforced(view, False)
    view = standing.connected(replace(view, order=standing.Order(frozenset({"c1"}), 4, Generation(1, 5))), "c1", 0)
    assert standing.enforced(view, True) == standing.NO_ORDER
    view = standing.stored(view, "c1", Generation(1, 4), "", 0, 0)
    assert standing.enforced(view, True) == standing.NO_ORDER
    view = standing.stored(view, "c1", Generation(1, 5), "", 0, 0)
    assert standing.enforced(view, True) == 4 and standing.enforced(view, False) == standing.NO_ORDER
