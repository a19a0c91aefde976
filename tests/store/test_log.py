"""Appending events: each id once, in order, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlhf_tui.errors import InputError
from rlhf_tui.records import Event, Message, Written, new_event_id
from rlhf_tui.store import read, write
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import Outcome, append
from rlhf_tui.store.seen import HASH_SQL, digest

FULL = Event(
    event_id="e-full",
    kind="judge",
    task_id="t1",
    annotator="Zoë",
    shown=["c1", "c0", "c2"],
    tiers=[1, None, 2],
    thumbs=[None, True, False],
    both_bad=True,
    unsure=True,
    strength=3,
    aspects={"c0": {"helpful": 4, "\U0001f3ac": 1}, "c1": {}},
    critique='two\nlines, a "quote" and a \x00',
    tags=["two words", ""],
    guidelines="0123456789ab",
    selection="control",
    reason="because",
    written=[
        Written("w0", [Message("assistant", "better 🎬")], "c0"),
        Written("w1", "from nothing"),
    ],
    active_ms=1200,
    wall_ms=5300,
    supersedes="e-before",
    client="tui",
    created_ms=1_800_000_000_123,
    expires_ms=9,
    surplus=True,
    acting_uid=1000,
)


def test_every_field_comes_back_as_it_was(judged: Store) -> None:
    plain = Event(
        "e-plain", "skip", "t2", "Zoë", written=[Written("w2", "text")], reason="too long"
    )
    append(judged, [FULL, plain])
    with judged.reading() as con:
        from rlhf_tui.store import rows

        found = con.execute(f"SELECT {rows.EVENT} FROM events ORDER BY seq").fetchall()
    first, second = map(rows.event, found)
    assert (first.seq, second.seq) == (1, 2)
    assert {**_fields(first), "seq": 0} == _fields(FULL)
    assert {**_fields(second), "seq": 0} == _fields(plain)


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in Event.__struct_fields__}


def test_a_repeated_event_is_answered_with_its_first_place(judged: Store) -> None:
    first = Event(new_event_id(), "judge", "t1", "ann", shown=["c0", "c1"], tiers=[1, 2])
    other = Event(new_event_id(), "skip", "t2", "ann")
    late = Event(new_event_id(), "judge", "t2", "bob", shown=["d0"], thumbs=[True], surplus=True)
    assert append(judged, [first, other, first, late]) == [
        Outcome(first.event_id, "stored", 1),
        Outcome(other.event_id, "stored", 2),
        Outcome(first.event_id, "duplicate", 1),
        Outcome(late.event_id, "surplus", 3),
    ]
    assert append(judged, [late, other]) == [
        Outcome(late.event_id, "duplicate", 3),
        Outcome(other.event_id, "duplicate", 2),
    ]
    assert append(judged, []) == []
    assert read.totals(judged).events == 3


def test_duplicates_are_known_after_the_store_was_opened_again(tmp_path: Path) -> None:
    event = Event(new_event_id(), "skip", "t1", "ann")
    path, lock = tmp_path / "s.duckdb", tmp_path / "s.lock"
    with Store(path, lock) as store:
        append(store, [event])
    with Store(path, lock) as store:
        assert append(store, [event, Event("x", "skip", "t1", "ann")]) == [
            Outcome(event.event_id, "duplicate", 1),
            Outcome("x", "stored", 2),
        ]


def test_the_filter_computes_what_the_database_computes(store: Store) -> None:
    ids = [new_event_id(), "", "x", "ünïcode", "a" * 500]
    with store.reading() as con:
        found = con.execute(
            f"SELECT {HASH_SQL} FROM (SELECT unnest(?::VARCHAR[]) AS event_id)", [ids]
        ).fetchall()
    assert [row[0] for row in found] == [digest(i) for i in ids]


def test_a_failed_transaction_leaves_nothing_behind(judged: Store) -> None:
    good = Event("good", "judge", "t1", "new", shown=["c0"], tiers=[1])
    with pytest.raises(InputError, match="no character"):
        append(judged, [good, Event("bad", "judge", "t1", "new", critique="\ud800")])
    assert read.totals(judged).events == 0
    assert "new" not in judged.annotators
    assert append(judged, [good])[0] == Outcome("good", "stored", 1)


def test_a_judgement_ends_the_draft_of_its_task_only(judged: Store) -> None:
    write.save_draft(judged, "ann", "t1", {"tiers": {"c0": 1}})
    write.save_draft(judged, "ann", "t2", {"thumb": True})
    write.save_draft(judged, "bob", "t1", {"tiers": {}})
    append(judged, [Event("l", "lease", "t1", "ann"), Event("f", "flag", "t1", "ann")])
    assert set(read.drafts(judged, "ann", ["t1", "t2"])) == {"t1", "t2"}
    append(judged, [Event("j", "judge", "t1", "ann", shown=["c0", "c1"], tiers=[1, 2])])
    assert read.drafts(judged, "ann", ["t1", "t2"]) == {"t2": {"thumb": True}}
    append(judged, [Event("r", "reopen", "t1", "bob"), Event("s", "retract", "t1", "bob")])
    assert read.drafts(judged, "bob", ["t1"]) == {"t1": {"tiers": {}}}
    append(judged, [Event("k", "adjudicate", "t1", "bob", shown=["c0", "c1"], tiers=[1, 2])])
    assert read.drafts(judged, "bob", ["t1"]) == {}


def test_annotators_not_seen_before_are_entered_as_people(judged: Store) -> None:
    append(judged, [Event("a", "skip", "t1", "ann"), Event("b", "skip", "t1", "bob")])
    assert judged.annotators == {"ann": "human", "bob": "human"}
    assert read.totals(judged).annotators == 2
