"""Several people on one item: worlds small enough to be decided by hand."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest
from dataset.world import Judge, fill
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.config.options import RewardOptions, SFTOptions
from rlhf_tui.dataset.export import write_export
from rlhf_tui.dataset.snapshot import write_snapshot
from rlhf_tui.dataset.spec import Aggregate, DatasetSpec
from rlhf_tui.errors import HubError, NothingToDo, UsageError
from rlhf_tui.records import Event, Task
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest

MODES: tuple[Aggregate, ...] = get_args(Aggregate)


def export(store: Store, directory: Path, **spec: Any) -> tuple[list[dict[str, Any]], str]:
    made = write_export(store, DatasetSpec(**spec), "parquet", directory)
    found: list[dict[str, Any]] = pq.read_table(made.path).to_pylist()
    return found, made.note


def pairs(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["chosen_id"], row["rejected_id"]) for row in rows]


def three_people(judge: Judge) -> None:
    """On a, b, c: a over b by all; c over a by two; b and c: one each way, and a tie."""
    judge("rank0", "x", tiers=[1, 2, 3])
    judge("rank0", "y", tiers=[2, 3, 1])
    judge("rank0", "z", tiers=[2, 3, 1])
    judge("rank0", "z", kind="revise", tiers=[2, 3, 1])
    judge("rank1", "x", tiers=[1, 2, None])


def test_the_majority_decides_each_pair(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    three_people(judge)
    rows, note = export(store, tmp_path, kind="preference", aggregate="majority")
    assert pairs(rows) == [("a0", "b0"), ("c0", "a0"), ("c0", "b0"), ("a1", "b1")]
    by_pair = dict(zip(pairs(rows), rows, strict=True))
    told = [
        (row["votes_for"], row["votes_against"], row["votes_tied"], row["annotators"])
        for row in by_pair.values()
    ]
    assert told == [
        (3, 0, 0, ["x", "y", "z"]),
        (2, 1, 0, ["x", "y", "z"]),
        (2, 1, 0, ["x", "y", "z"]),
        (1, 0, 0, ["x"]),
    ]
    assert by_pair["c0", "a0"]["agreement"] == pytest.approx(2 / 3)
    assert [row["weight"] for row in rows] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])
    assert note == (
        "4 pairs from 4 rankings by 3 annotators; 1 unranked completion left out. 1 of 2 items was"
        " judged by several people: the majority decides."
    )


def test_ties_decide_nothing_and_an_even_split_makes_no_row(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("rank0", "x", tiers=[1, 2, None])
    judge("rank0", "y", tiers=[2, 1, None])
    judge("rank1", "x", tiers=[1, 2, None])
    judge("rank1", "y", tiers=[1, 1, None])
    judge("rank1", "z", tiers=[], unsure=True)
    rows, note = export(store, tmp_path, kind="preference", aggregate="majority")
    assert pairs(rows) == [("a1", "b1")]
    assert (rows[0]["votes_tied"], rows[0]["agreement"]) == (1, 1.0)
    assert "Left out for what others said: 1 pair evenly split." in note
    both, _ = export(store, tmp_path, kind="preference")
    assert pairs(both) == [("a0", "b0"), ("b0", "a0"), ("a1", "b1")]


@pytest.mark.parametrize(
    ("spec", "expected", "said"),
    [
        ({"aggregate": "unanimous"}, [("a0", "b0"), ("a1", "b1")], "2 pairs without unanimity"),
        (
            {"aggregate": "majority", "min_agreement": 0.7},
            [("a0", "b0"), ("a1", "b1")],
            "2 pairs with an agreement below 0.7",
        ),
        (
            {"aggregate": "majority", "min_judgements": 2},
            [("a0", "b0"), ("c0", "a0"), ("c0", "b0")],
            "1 pair decided by fewer than 2",
        ),
        (
            {"min_agreement": 0.7, "min_judgements": 3},
            [("a0", "b0")] * 3,
            "1 pair decided by fewer than 3 and 2 pairs with an agreement below 0.7",
        ),
    ],
)
def test_what_too_few_say_is_left_out_and_told(
    store: Store, judge: Judge, tmp_path: Path, spec: dict[str, Any], expected: Any, said: str
) -> None:
    fill(store)
    three_people(judge)
    rows, note = export(store, tmp_path, kind="preference", **spec)
    assert pairs(rows) == expected
    assert f"Left out for what others said: {said}." in note
    for name in {row["ranking_id"] for row in rows}:
        assert sum(r["weight"] for r in rows if r["ranking_id"] == name) == pytest.approx(1)


def test_an_adjudication_settles_whatever_was_asked(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    three_people(judge)
    judge("rank0", "boss", kind="adjudicate", tiers=[3, 1, 1])
    for mode in MODES:
        rows, note = export(
            store, tmp_path, kind="preference", aggregate=mode, min_judgements=2, min_agreement=0.9
        )
        assert pairs(rows) == [("b0", "a0"), ("c0", "a0")]
        assert [row["weight"] for row in rows] == [0.5, 0.5]
        assert "1 item is settled, and counts as its adjudication says." in note


def test_gold_items_and_repeats_measure_people_only(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    ingest(
        store,
        tasks=[
            Task("goldrank", "rank", "p1", ["a1", "b1"], gold={"a1": 1, "b1": 2}),
            Task("againrank", "rank", "p0", ["b0", "a0"], repeat_of="rank0", assignee="ann"),
        ],
    )
    judge("rank0", tiers=[1, 2, None])
    append(
        store,
        [
            Event("g", "judge", "goldrank", "ann", shown=["a1", "b1"], tiers=[1, 2]),
            Event("r", "judge", "againrank", "ann", shown=["b0", "a0"], tiers=[1, 2]),
        ],
    )
    for mode in MODES:
        rows, _ = export(store, tmp_path, kind="preference", aggregate=mode)
        assert pairs(rows) == [("a0", "b0")]
        rows, _ = export(store, tmp_path, kind="preference", aggregate=mode, gold=True)
        assert pairs(rows) == [("a0", "b0"), ("a1", "b1")]


def strangers(store: Store, judge: Judge) -> None:
    """Three agree on everything; x, who says the opposite, has rank1 with `ann` alone."""
    fill(store)
    for number, people in ((0, "ann bob cat x"), (1, "ann x"), (2, "ann bob cat x")):
        for person in people.split():
            tiers = [3, 2, 1] if person == "x" else [1, 2, 3]
            judge(f"rank{number}", person, tiers=tiers)


@pytest.mark.parametrize("mode", ["dawid-skene", "bradley-terry"])
def test_the_reliable_decide_where_votes_are_even(
    store: Store, judge: Judge, tmp_path: Path, mode: Aggregate
) -> None:
    strangers(store, judge)
    by_count, _ = export(store, tmp_path, kind="preference", aggregate="majority")
    assert {row["prompt_id"] for row in by_count} == {"p0", "p2"}
    rows, note = export(store, tmp_path, kind="preference", aggregate=mode)
    assert pairs(rows) == [
        (f"{better}{n}", f"{worse}{n}") for n in range(3) for better, worse in ("ab", "ac", "bc")
    ]
    for row in rows:
        assert 0.5 < row["agreement"] <= 1.0
        assert row["weight"] == pytest.approx((2 * row["agreement"] - 1) / 3)
    assert rows[3]["votes_for"] == rows[3]["votes_against"] == 1
    assert "judged by several people: weighed by reliability" in note
    assert "Reliability after" in note and "x 0." in note.split("Reliability after")[1]


def test_no_room_for_the_votes_is_a_sentence(
    store: Store, judge: Judge, tmp_path: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers(store, judge)
    with pytest.raises(OSError, match="No space"):
        (full_disk / "fill").write_bytes(bytes(2_000_000))
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    with pytest.raises(HubError, match="room"):
        export(store, tmp_path, kind="preference", aggregate="dawid-skene")
    assert [path.name for path in full_disk.iterdir()] == ["fill"]


def test_strength_is_that_of_a_pair_and_the_mean_of_its_voters(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    ingest(store, tasks=[Task("two", "rank", "p1", ["a1", "b1"])])
    judge("rank0", tiers=[1, 2, 3], strength=4)
    for name, strength, tiers in (("x", 1, [1, 2]), ("y", 4, [1, 2]), ("z", 3, [2, 1])):
        append(
            store,
            [Event(name, "judge", "two", name, shown=["a1", "b1"], tiers=tiers, strength=strength)],
        )
    each, _ = export(store, tmp_path, kind="preference")
    assert [row["strength"] for row in each] == [None, None, None, 1.0, 4.0, 3.0]
    decided, _ = export(store, tmp_path, kind="preference", aggregate="majority")
    assert decided[-1]["strength"] == 2.5


def test_one_row_is_drawn_from_each_item(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    three_people(judge)
    spec = {"kind": "preference", "aggregate": "majority", "pairs": "one-per-ranking"}
    rows, _ = export(store, tmp_path, **spec)
    assert [row["weight"] for row in rows] == [1.0, 1.0]
    assert [row["prompt_id"] for row in rows] == ["p0", "p1"]


def test_thumbs_of_several_make_one_row(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    for person, up in (("x", True), ("y", True), ("z", False)):
        judge("thumb0", person, thumbs=[up])
        judge("thumb1", person, thumbs=[True])
    judge("thumb2", "x", thumbs=[True])
    judge("thumb2", "y", thumbs=[False])
    rows, note = export(store, tmp_path, kind="unpaired-preference", aggregate="majority")
    assert [
        (r["completion_id"], r["label"], r["votes_for"], r["votes_against"], r["weight"])
        for r in rows
    ] == [("a0", True, 2, 1, 1.0), ("a1", True, 3, 0, 1.0)]
    assert "1 completion evenly split" in note
    alone, _ = export(store, tmp_path, kind="unpaired-preference", aggregate="unanimous")
    assert [row["completion_id"] for row in alone] == ["a1"]
    weighed, note = export(store, tmp_path, kind="unpaired-preference", aggregate="dawid-skene")
    assert [row["label"] for row in weighed][:2] == [True, True]
    assert "Reliability after Dawid and Skene: z" in note
    each, _ = export(store, tmp_path, kind="unpaired-preference", min_agreement=0.6)
    assert [row["completion_id"] for row in each] == ["a0"] * 3 + ["a1"] * 3


def test_liked_completions_need_the_agreement_that_is_asked_for(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    for person, up in (("x", True), ("y", True), ("z", False)):
        judge("thumb0", person, thumbs=[up])
        judge("thumb1", person, thumbs=[True])
    judge("rank2", "x", tiers=[1, 2, 2])
    judge("rank2", "y", tiers=[1, 1, 2])

    def liked(**spec: Any) -> list[tuple[str, int, int]]:
        spec = {"aggregate": "majority", "include": ["thumbs-up", "best-ranked"]} | spec
        rows, _ = export(store, tmp_path, kind="prompt-completion", **spec)
        return [
            (r["completion"].split()[-1], r["votes_for"], r["votes_against"])
            for r in rows
            if r["origin"] == "model"
        ]

    assert liked() == [("a0", 2, 1), ("a1", 3, 0), ("a2", 2, 0)]
    assert liked(aggregate="unanimous") == [("a1", 3, 0), ("a2", 2, 0)]
    assert liked(min_agreement=0.7) == [("a1", 3, 0), ("a2", 2, 0)]
    assert liked(min_judgements=3) == [("a0", 2, 1), ("a1", 3, 0)]
    assert liked(aggregate="dawid-skene") == [("a0", 2, 1), ("a1", 3, 0), ("a2", 2, 0)]


def test_what_cannot_be_decided_so_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes no decisions"):
        export(store, tmp_path, kind="rankings", aggregate="majority")
    with pytest.raises(UsageError, match="takes no decisions"):
        export(store, tmp_path, kind="prompt-only", min_judgements=2)
    with pytest.raises(UsageError, match="compares completions"):
        export(store, tmp_path, kind="unpaired-preference", aggregate="bradley-terry")
    with pytest.raises(NothingToDo, match="no ranked pairs"):
        export(store, tmp_path, kind="preference", aggregate="dawid-skene")


def test_a_snapshot_is_aggregated_and_its_manifest_says_so(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    strangers(store, judge)
    options = RewardOptions(aggregate="dawid-skene", min_agreement=0.6, gold=True)
    manifest = write_snapshot(store, "rm", options, tmp_path / "rm")
    assert manifest.rows == {"train": 6, "validation": 3}
    spec = manifest.spec
    assert (spec.aggregate, spec.min_agreement, spec.gold) == ("dawid-skene", 0.6, True)
    assert any("Reliability after" in note for note in manifest.notes)
    judge("thumb0", thumbs=[True])
    liked = SFTOptions(include=["thumbs-up"], min_judgements=2)
    assert write_snapshot(store, "sft", liked, tmp_path / "sft").rows["train"] == 1


def test_validation_holds_nothing_that_was_chosen_as_informative(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("rank0", tiers=[1, 2, 3], selection="informative")
    judge("rank2", "x", tiers=[1, 2, 3], selection="informative")
    judge("rank2", "x", kind="revise", tiers=[3, 2, 1])
    judge("rank2", "y", tiers=[1, 2, None], selection="control")
    manifest = write_snapshot(store, "rm", RewardOptions(), tmp_path / "rm")
    assert manifest.rows == {"train": 3, "validation": 1}
    assert (
        "Validation holds no judgements of items that were chosen as most informative: 1 left out,"
        " 1 row left."
    ) in manifest.notes
    told, _ = export(store, tmp_path, kind="preference", splits=["validation"])
    assert len(told) == 4, "an export takes what there is"
    with store.transaction() as transaction:
        transaction.con.execute("UPDATE prompts SET split = 'test' WHERE split = 'validation'")
    told, note = export(
        store, tmp_path, kind="preference", splits=["validation", "test"], validation="control"
    )
    assert [row["split"] for row in told] == ["test"]
    assert "Validation and test hold no judgements of items" in note
    with store.transaction() as transaction:
        transaction.con.execute("UPDATE prompts SET split = 'validation' WHERE split = 'test'")
    judge("rank2", "boss", kind="adjudicate", tiers=[1, 2, 3])
    manifest = write_snapshot(store, "rm", RewardOptions(), tmp_path / "rm2")
    assert manifest.rows == {"train": 3, "validation": 0}


Tiers = st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=3, max_size=3)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(Tiers, st.sampled_from("xyz")), min_size=3, max_size=3))
def test_with_one_judgement_an_item_every_way_is_the_same(
    judged: list[tuple[list[int | None], str]],
) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        Store(Path(name) / "s.duckdb", Path(name) / "s.lock", threads=1) as store,
    ):
        fill(store)
        append(
            store,
            [
                Event(
                    f"e{n}",
                    "judge",
                    f"rank{n}",
                    who,
                    shown=[f"a{n}", f"b{n}", f"c{n}"],
                    tiers=tiers,
                )
                for n, (tiers, who) in enumerate(judged)
            ],
        )
        found = []
        for mode, drawn in itertools.product(MODES, ("all", "one-per-ranking")):
            try:
                rows, _ = export(store, Path(name), kind="preference", aggregate=mode, pairs=drawn)
            except NothingToDo:
                rows = []
            shared = ("prompt", "chosen", "rejected", "weight", "ranking_id", "strength", "split")
            key = sorted(tuple(row[column] for column in shared) for row in rows)
            found.append((drawn, key))
        for drawn in ("all", "one-per-ranking"):
            keys = [key for kind, key in found if kind == drawn]
            assert all(key == keys[0] for key in keys)
