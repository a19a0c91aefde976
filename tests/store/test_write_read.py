"""What goes in comes out: imports in bulk, items, history, pages, drafts, scores, runs, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.records import Annotator, Completion, Event, Message, Prompt, Score, Task
from rlhf_tui.store import read, schedule, write
from rlhf_tui.store.backup import backup
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.schedule import KindCounts, Mark
from rlhf_tui.store.trail import history
from rlhf_tui.store.write import RunRow, Tally


def test_importing_twice_adds_nothing_and_the_first_split_stays(store: Store) -> None:
    prompts = [Prompt("p1", "a"), Prompt("p2", "b"), Prompt("p1", "a")]
    completions = [Completion("c1", "p1", " x")]
    tasks = [Task("t1", "thumbs", "p1", ["c1"])]
    events = [Event("e1", "judge", "t1", "csv", shown=["c1"], thumbs=[True])]
    batch: dict[str, Any] = {
        "prompts": prompts,
        "completions": completions,
        "tasks": tasks,
        "events": events,
    }
    assert write.ingest(store, **batch) == (Tally(2, 1, 1, 1), Tally(prompts=1))
    moved = [Prompt("p1", "a", split="test"), Prompt("p3", "c")]
    assert write.ingest(store, **{**batch, "prompts": moved}) == (
        Tally(prompts=1),
        Tally(1, 1, 1, 1),
    )
    page, _, _ = read.prompts_page(store)
    assert [(p.prompt_id, p.split) for p in page] == [
        ("p1", "train"),
        ("p2", "train"),
        ("p3", "train"),
    ]


@pytest.mark.parametrize(
    "batch",
    [
        {"completions": [Completion("c9", "nowhere", "x")]},
        {"tasks": [Task("t9", "thumbs", "p1", ["nowhere"])]},
        {"events": [Event("e9", "judge", "nowhere", "ann")]},
    ],
)
def test_a_batch_that_refers_to_nothing_is_refused_whole(
    judged: Store, batch: dict[str, Any]
) -> None:
    before = read.totals(judged)
    with pytest.raises(InputError, match="nowhere"):
        write.ingest(judged, prompts=[Prompt("p9", "new")], **batch)
    assert read.totals(judged) == before


def test_items_come_in_the_order_asked_for_with_everything_they_were_stored_with(
    judged: Store,
) -> None:
    second, first = read.items(judged, ["t2", "t1", "t2", "unknown"])
    assert first.task == Task("t1", "rank", "p1", ["c2", "c0", "c1"], overlap=2, gold={"c0": 1})
    assert first.prompt == Prompt("p1", "It was", source="films.txt", meta={"line": 3})
    assert [c.completion for c in first.completions] == [" take 2", " take 0", " take 1"]
    assert second.prompt == Prompt("p2", [Message("user", "Hello?")], split="test")
    assert second.completions == [
        Completion("d0", "p2", [Message("assistant", "Yes.")], parameters={"top_p": 0.9})
    ]
    assert read.items(judged, []) == []
    assert [c.tokens for c in read.run_completions(judged, "generate-0001")] == [0, 1, 2]


def test_pages_of_prompts_follow_the_order_of_import(store: Store) -> None:
    prompts = [Prompt(f"p{i}", f"{i}", split="test" if i % 3 == 0 else "train") for i in range(10)]
    write.ingest(store, prompts=prompts, completions=[Completion("c", "p4", "x")])
    seen: list[str] = []
    texts: list[str] = []
    place = ""
    while True:
        page, completions, place = read.prompts_page(store, after=place, limit=2, splits=["train"])
        seen += [p.prompt_id for p in page]
        texts += [c.completion_id for c in completions]
        if not place:
            break
    assert seen == ["p1", "p2", "p4", "p5", "p7", "p8"]
    assert texts == ["c"]
    with pytest.raises(UsageError):
        read.prompts_page(store, after="elsewhere")


def judge(number: int, task: str, annotator: str, kind: str = "judge", **more: object) -> Event:
    return Event(f"e{number}", kind, task, annotator, created_ms=number, **more)  # type: ignore[arg-type]


def test_history_shows_what_stands_newest_first(judged: Store) -> None:
    append(
        judged,
        [
            judge(1, "t1", "ann", shown=["c0", "c1"], tiers=[1, 2]),
            judge(2, "t2", "ann", "skip"),
            judge(3, "t1", "bob", "skip"),
            judge(4, "t1", "ann", "revise", shown=["c0", "c1"], tiers=[2, 1], supersedes="e1"),
        ],
    )

    def ids(annotator: str, **options: Any) -> list[str]:
        return [event.event_id for _, event in history(judged, annotator, **options)]

    assert ids("ann") == ["e4", "e2"]
    assert ids("ann", kind="thumbs") == ["e2"]
    assert ids("ann", limit=1) == ["e4"]
    assert ids("ann", before_seq=4) == ["e2"]
    assert read.current_events(judged, "ann", ["t1", "t2"])["t1"].tiers == [2, 1]
    append(judged, [judge(5, "t1", "ann", "retract", supersedes="e4")])
    assert ids("ann") == ["e2"]
    assert read.current_events(judged, "ann", ["t1", "t2"]) == {}


def test_a_scheduler_can_be_rebuilt_from_marks(judged: Store) -> None:
    append(
        judged,
        [
            judge(1, "t1", "ann", "lease", expires_ms=50),
            judge(2, "t1", "ann", shown=["c0", "c1"], tiers=[1, 2], surplus=True),
            judge(3, "t2", "ann", "lease", expires_ms=60),
            judge(4, "t1", "bob", "lease", expires_ms=70),
            judge(5, "t1", "bob", "skip"),
            judge(6, "t2", "bob"),
            judge(7, "t2", "bob", "retract"),
            judge(8, "t1", "cy", "lease", expires_ms=80),
            judge(9, "t1", "cy", "release"),
            judge(10, "t2", "ann", "flag", reason="rude"),
        ],
    )
    marks = {(m.annotator, m.task_id): m for m in schedule.marks(judged)}
    assert marks["ann", "t1"] == Mark("t1", "ann", True, True, False, "", 0, 2)
    assert marks["ann", "t2"] == Mark("t2", "ann", False, False, False, "e3", 60)
    assert marks["bob", "t1"] == Mark("t1", "bob", False, False, True, "", 0)
    assert marks["bob", "t2"] == Mark("t2", "bob", False, False, False, "", 0)
    assert marks["cy", "t1"] == Mark("t1", "cy", False, False, False, "", 0)
    assert [t.task_id for t in schedule.task_marks(judged)] == ["t2", "t1"]
    place = judged.next_position["tasks"]
    write.ingest(judged, tasks=[Task("t3", "rank", "p1", ["c0", "c1"])])
    assert [t.task_id for t in schedule.task_marks(judged, from_position=place)] == ["t3"]


def test_progress_counts_what_stands(judged: Store) -> None:
    assert schedule.progress(judged, "ann")["rank"] == KindCounts(tasks=1, judgements_wanted=2)
    append(
        judged,
        [
            judge(10, "t1", "ann", shown=["c0", "c1"], tiers=[1, 2]),
            judge(20, "t1", "bob", shown=["c0", "c1"], tiers=[1, 2]),
            judge(30, "t2", "bob", shown=["d0"], thumbs=[True]),
            judge(40, "t2", "ann", "skip"),
        ],
    )
    progress = schedule.progress(judged, "ann", since_ms=15)
    assert progress["rank"] == KindCounts(1, 2, 2, 1, 0, 0)
    assert progress["thumbs"] == KindCounts(1, 1, 1, 0, 1, 0)
    assert schedule.progress(judged, "bob", since_ms=15)["rank"].mine_today == 1
    append(judged, [judge(50, "t1", "ann", "retract")])
    assert schedule.progress(judged, "ann")["rank"] == KindCounts(1, 2, 1, 0, 0, 0)


def test_scores_runs_and_annotators_are_replaced(judged: Store) -> None:
    write.save_scores(
        judged, [Score("c0", "s1", "rm", 0.5, spread=0.1), Score("c1", "s1", "rm", 1)]
    )
    write.save_scores(judged, [Score("c0", "s1", "rm", 0.7, kl=2.5), Score("c0", "s2", "rm", 9)])
    scores, completions = read.run_scores(judged, "s1")
    assert [(s.completion_id, s.mean, s.spread, s.kl) for s in scores] == [
        ("c0", 0.7, None, 2.5),
        ("c1", 1.0, None, None),
    ]
    assert {c.completion_id for c in completions} == {"c0", "c1"}
    write.save_scores(judged, [Score("c0", "kl1", "", None, kl=2.5)])
    assert read.run_scores(judged, "kl1")[0] == [Score("c0", "kl1", "", None, kl=2.5)]

    write.save_run(judged, RunRow("rm-0001", "rm", "queued", created_ms=2))
    write.save_run(judged, RunRow("sft-0001", "sft", "queued", created_ms=1))
    done = RunRow("rm-0001", "rm", "finished", "it's", "/r", 2, 3, 4, {"x": [1]}, {"loss": 0.1})
    write.save_run(judged, done)
    assert read.runs(judged) == [RunRow("sft-0001", "sft", "queued", created_ms=1), done]

    write.save_snapshot_row(judged, "rm-0001", "rm", b"{}")
    write.delete_run(judged, "rm-0001")
    assert [run.run_id for run in read.runs(judged)] == ["sft-0001"]
    assert read.deleted_runs(judged) == ["rm-0001"]
    with judged.reading() as con:
        assert con.execute("SELECT count(*) FROM snapshots").fetchone() == (0,)
    assert len(read.run_scores(judged, "s1")[0]) == 2

    write.save_annotators(judged, [Annotator("bot"), Annotator("ann")])
    write.save_annotators(judged, [Annotator("bot", "ai")])
    assert judged.annotators == {"bot": "ai", "ann": "human"}
    assert read.totals(judged).annotators == 2


def test_drafts_are_kept_over_a_restart_until_forgotten(tmp_path: Path) -> None:
    path, lock = tmp_path / "s.duckdb", tmp_path / "s.lock"
    with Store(path, lock) as store:
        write.save_draft(store, "ann", "t1", {"a": 1})
        write.save_draft(store, "ann", "t1", {"a": 2})
    with Store(path, lock) as store:
        assert read.drafts(store, "ann", ["t1"]) == {"t1": {"a": 2}}
        write.save_draft(store, "ann", "t1", {})
        assert read.drafts(store, "ann", ["t1"]) == {}


def test_a_backup_is_a_store_of_its_own(judged: Store, tmp_path: Path) -> None:
    append(judged, [judge(1, "t1", "ann", shown=["c0", "c1"], tiers=[1, 2])])
    copy = tmp_path / "it's a copy.duckdb"
    assert backup(judged, copy) == copy.stat().st_size
    append(judged, [judge(2, "t2", "ann", "skip")])
    with Store(copy, tmp_path / "copy.lock") as restored:
        assert read.totals(restored).events == 1
        assert read.items(restored, ["t1", "t2"]) == read.items(judged, ["t1", "t2"])
        with restored.reading() as con:
            assert con.execute("SELECT count(*) FROM pairs").fetchall() == [(1,)]
    with pytest.raises(UsageError, match="exists"):
        backup(judged, copy)
    with pytest.raises(UsageError, match="no directory"):
        backup(judged, tmp_path / "missing" / "x.duckdb")
    assert {p.name for p in tmp_path.iterdir() if "part" in p.name} == set()


def test_readers_in_other_threads_see_the_last_commit(judged: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(read.items, judged, ["t1"]) for _ in range(20)]
        for number in range(20):
            append(judged, [judge(number, "t1", "ann", "skip")])
        assert all(len(r.result()) == 1 for r in reads)
        assert pool.submit(read.totals, judged).result().events == 20
