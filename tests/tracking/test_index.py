"""The index of a long run in the viewer's cache: at once, right, private, and never in the way."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
from pathlib import Path

import pytest

from rlhf_tui.tracking import follow, index
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.tracking.index import Index, prune
from rlhf_tui.tracking.index_file import Arrays, header_of, write

LINES = 3000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short files count as long ones."""
    monkeypatch.setattr(follow, "INDEX_FROM", 1000)
    monkeypatch.setattr(follow, "INDEX_EVERY", 5000)


def line(step: int) -> str:
    row = {
        "step": step,
        "time": 1.7e9 + step * 0.5,
        "loss": math.sin(step),
        "num_tokens": step * 100,
    }
    if step % 7 == 0:
        row["kl"] = step / 7
    if step == 100:
        row |= {"loss": None, "not_finite": {"loss": "inf"}}
    return json.dumps(row) + "\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "ppo-0001"
    directory.mkdir()
    (directory / "metrics.jsonl").write_text("".join(map(line, range(LINES))))
    return directory


def read_all(watch: RunFollower) -> int:
    """Read until nothing is left and the index is written; how many lines were read."""
    rows = 0
    while True:
        batch = watch.read()
        watch.take(batch)
        rows += len(batch.rows)
        if not batch.more and batch.empty:
            return rows


def told(watch: RunFollower) -> object:
    """All that is drawn of a run."""
    return (
        {
            name: (one.steps.tolist(), one.values.levels, one.last, one.stride(), len(one))
            for name, one in watch.series.items()
        },
        {axis: (c.steps.tolist(), c.values.tolist()) for axis, c in watch.clocks.items()},
    )


def cached(isolated: Path) -> list[Path]:
    return sorted((isolated / "cache" / "rlhf-tui" / "runs").glob("*"))


def test_a_second_viewer_reads_nothing_anew_and_draws_the_same(run: Path) -> None:
    first, second = RunFollower(run), RunFollower(run)
    assert read_all(first) == LINES
    assert read_all(second) == 0
    assert len(second.series["loss"]) == LINES, "known before its points are loaded"
    assert told(second) == told(first)
    assert sorted(path.name for path in run.iterdir()) == ["metrics.jsonl"]


def test_what_came_after_the_index_is_read_and_indexed_later(run: Path) -> None:
    read_all(RunFollower(run))
    with (run / "metrics.jsonl").open("a") as file:
        file.write("".join(map(line, range(LINES, LINES + 10))))
    second = RunFollower(run)
    assert read_all(second) == 10
    whole = RunFollower(run)
    whole._index = Index(run / "nowhere")
    read_all(whole)
    assert told(second) == told(whole)
    with (run / "metrics.jsonl").open("a") as file:
        file.write("".join(map(line, range(LINES + 10, LINES + 200))))
    read_all(second)
    assert read_all(RunFollower(run)) == 0


def test_a_resume_after_the_index_takes_the_place_of_what_it_does_again(run: Path) -> None:
    read_all(RunFollower(run))
    with (run / "metrics.jsonl").open("a") as file:
        file.write("".join(map(line, range(500, 600))))
    second = RunFollower(run)
    read_all(second)
    assert second.series["loss"].steps.tolist() == list(range(600))
    assert len(second.series["loss"].values) == 600


@pytest.mark.parametrize("change", ["cut", "rewritten", "replaced", "shorter"])
def test_an_index_that_does_not_fit_any_more_counts_as_none(run: Path, change: str) -> None:
    read_all(RunFollower(run))
    path = run / "metrics.jsonl"
    if change == "cut":
        os.truncate(path, 0)
        path.write_text("".join(map(line, range(40))))
    elif change == "rewritten":
        with path.open("r+") as file:
            file.write("".join(line(step + 5000) for step in range(LINES)))
    elif change == "replaced":
        other = run / "other"
        other.write_text("".join(line(step + 7) for step in range(LINES)))
        other.replace(path)
    else:
        path.write_text("".join(line(step + 9) for step in range(20)))
    second = RunFollower(run)
    assert read_all(second) == len(path.read_text().splitlines())
    first_step = int(json.loads(path.read_text().split("\n", 1)[0])["step"])
    assert second.series["loss"].steps[0] == first_step


@pytest.mark.parametrize("damage", ["shortened", "another version", "empty", "header"])
def test_a_damaged_index_is_made_anew(run: Path, isolated: Path, damage: str) -> None:
    first = RunFollower(run)
    read_all(first)
    (path,) = cached(isolated)
    data = bytearray(path.read_bytes())
    if damage == "shortened":
        del data[-100:]
    elif damage == "another version":
        data[6] += 1
    elif damage == "empty":
        data.clear()
    else:
        data[60] ^= 1
    path.write_bytes(data)
    second = RunFollower(run)
    assert read_all(second) == LINES
    assert told(second) == told(first)
    assert read_all(RunFollower(run)) == 0, "it was written again"


def test_a_flipped_bit_is_noticed_when_its_series_is_looked_at(run: Path, isolated: Path) -> None:
    first = RunFollower(run)
    read_all(first)
    (path,) = cached(isolated)
    data = bytearray(path.read_bytes())
    data[-LINES * 20] ^= 1
    path.write_bytes(data)
    second = RunFollower(run)
    read_all(second)
    told(second)
    assert read_all(second) == LINES
    assert told(second) == told(first)
    third = RunFollower(run)
    assert read_all(third) == 0, "it was written again"
    assert told(third) == told(first)


def test_a_clock_that_is_set_back_after_the_index_takes_its_leap_out_again(run: Path) -> None:
    """Set forward by an hour before the index, and back after it."""
    path = run / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[2000:]:
        row["time"] += 3600
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = RunFollower(run)
    read_all(first)
    second = RunFollower(run)
    assert read_all(second) == 0
    with path.open("a") as file:
        file.write("".join(map(line, range(LINES, LINES + 50))))
    for watch in (first, second):
        read_all(watch)
    assert told(second) == told(first)
    assert second.clocks["time"].values[-1] == pytest.approx((LINES + 49) * 0.5, abs=2)


@pytest.mark.parametrize("wrong", ["number", "levels", "order", "last", "clock"])
def test_an_index_whose_parts_do_not_belong_together_counts_as_none(run: Path, wrong: str) -> None:
    first = RunFollower(run)
    read_all(first)
    assert first._index is not None
    arrays, place = Arrays(), first._metrics.place
    looked_at = index._looked_at(first._index.source, place.offset)
    header = header_of(first._taken, place, looked_at, arrays)
    kept = header.series[0]
    if wrong == "number":
        kept.steps = 999
    elif wrong == "levels":
        kept.values.low = []
    elif wrong == "order":
        kept.values.low.reverse()
    elif wrong == "last":
        kept.last = "high"
    else:
        header.clocks["time"].values = kept.values.low[1]
    write(first._index.path, header, arrays)
    second = RunFollower(run)
    assert read_all(second) == LINES
    assert told(second) == told(first)


def test_an_index_that_loses_its_points_while_it_is_watched(run: Path, isolated: Path) -> None:
    read_all(RunFollower(run))
    second = RunFollower(run)
    second.take(second.read())
    (path,) = cached(isolated)
    os.truncate(path, 5000)
    assert len(second.series["loss"].steps) == 0
    assert read_all(second) == LINES
    assert len(second.series["loss"].steps) == LINES


def test_only_its_owner_can_read_it(run: Path, isolated: Path) -> None:
    read_all(RunFollower(run))
    (path,) = cached(isolated)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_cache_that_cannot_be_written_is_no_index(run: Path, isolated: Path) -> None:
    (isolated / "cache").write_text("a file where the cache should be")
    watch = RunFollower(run)
    assert read_all(watch) == LINES
    assert watch.problem == ""


def test_a_full_disk_leaves_nothing_behind(
    run: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    watch = RunFollower(run)
    assert read_all(watch) == LINES
    assert watch.problem == ""
    assert cached(isolated) == []


def test_viewers_that_write_the_same_index_at_once(run: Path) -> None:
    watches = [RunFollower(run) for _ in range(4)]
    for watch in watches:
        watch.take(watch.read())
    source = run / "metrics.jsonl"
    threads = [
        threading.Thread(
            target=lambda w=watch: [
                Index(source).save(w._taken, w._metrics.place) for _ in range(10)
            ]
        )
        for watch in watches
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found = Index(source).load()
        assert found is None or len(found[0].series["loss"].steps) == LINES
    for thread in threads:
        thread.join()
    assert Index(source).load() is not None


def test_old_indices_go_and_the_longest_unused_beyond_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MOST_BYTES", 250)
    for name, age in (("a", 10.0), ("b", 20.0), ("c", 30.0), ("d", index.MOST_AGE_S + 60)):
        path = tmp_path / f"{name}.index"
        path.write_bytes(bytes(100))
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    prune(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_short_run_has_none(run: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "INDEX_FROM", 10_000_000)
    read_all(RunFollower(run))
    assert cached(isolated) == []
