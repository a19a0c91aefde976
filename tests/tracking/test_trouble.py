"""A follower on real files to which everything happens that happens to files."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rlhf_tui.tracking.follow import PIECE, RunFollower


def write(directory: Path, *rows: object, mode: str = "a", name: str = "metrics.jsonl") -> None:
    """Append rows: objects as JSON lines, strings as they are."""
    with (directory / name).open(mode) as file:
        for row in rows:
            file.write(row if isinstance(row, str) else json.dumps(row) + "\n")


def loss(*steps: int, add: float = 0.0) -> list[dict[str, float]]:
    return [{"step": step, "time": 1.7e9 + step, "loss": step + add} for step in steps]


def look(watch: RunFollower) -> None:
    """Read and take until nothing is left."""
    while True:
        batch = watch.read()
        watch.take(batch)
        if not batch.more:
            return


def points(watch: RunFollower, name: str = "loss") -> list[tuple[float, float]]:
    one = watch.series[name]
    return [(step, one.values.value(i)) for i, step in enumerate(one.steps)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "sft-0001"
    directory.mkdir()
    write(directory, *loss(1, 2, 3))
    return directory


@pytest.fixture
def watch(run: Path) -> RunFollower:
    found = RunFollower(run)
    look(found)
    assert points(found) == [(1, 1), (2, 2), (3, 3)]
    return found


def test_a_directory_deleted_and_made_again(run: Path, watch: RunFollower) -> None:
    shutil.rmtree(run)
    look(watch)
    assert watch.gone
    assert watch.problem == ""
    assert points(watch) == [(1, 1), (2, 2), (3, 3)], "what was drawn stays"
    run.mkdir()
    assert not watch.gone
    write(run, *loss(1, 2, add=100))
    look(watch)
    assert points(watch) == [(1, 101), (2, 102)]


def test_a_directory_that_becomes_a_file_and_back(run: Path, watch: RunFollower) -> None:
    shutil.rmtree(run)
    run.write_text("not a directory")
    look(watch)
    assert watch.gone
    run.unlink()
    run.mkdir()
    write(run, *loss(5))
    look(watch)
    assert points(watch) == [(5, 5)]


def test_a_half_written_line_is_no_point_until_it_is_whole(run: Path, watch: RunFollower) -> None:
    write(run, '{"step": 4, "lo')
    look(watch)
    assert len(watch.series["loss"]) == 3
    write(run, 'ss": 4}\n')
    look(watch)
    assert points(watch)[-1] == (4, 4)


def test_a_line_that_a_crash_cut_costs_itself_alone(run: Path, watch: RunFollower) -> None:
    write(run, '{"step": 4, "lo\n', *loss(5), "\x00\x00\x00\n", "[1, 2]\n", "7\n", *loss(6))
    look(watch)
    assert [step for step, _ in points(watch)] == [1, 2, 3, 5, 6]


def test_files_that_are_rotated(run: Path, watch: RunFollower) -> None:
    write(run, "first\n", name="log.txt")
    look(watch)
    for name in ("metrics.jsonl", "log.txt"):
        (run / name).rename(run / f"{name}.1")
    look(watch)
    write(run, *loss(9))
    write(run, "second\n", name="log.txt")
    look(watch)
    assert points(watch) == [(9, 9)]
    assert watch.log.shown == ["second"]


def test_files_that_are_truncated_in_place(run: Path, watch: RunFollower) -> None:
    write(run, *(f"line {n}\n" for n in range(100)), name="log.txt")
    look(watch)
    for name in ("metrics.jsonl", "log.txt"):
        os.truncate(run / name, 0)
    look(watch)
    write(run, *loss(*range(20, 40)))
    write(run, "after\n", name="log.txt")
    look(watch)
    assert [step for step, _ in points(watch)] == list(range(20, 40))
    assert watch.log.shown == ["after"]


def test_a_metric_that_turns_into_a_text_and_back_has_a_gap(run: Path, watch: RunFollower) -> None:
    write(run, *({"step": 4 + i, "loss": v} for i, v in enumerate(["oops", None, True, [1], 8.0])))
    look(watch)
    assert [step for step, _ in points(watch)] == list(range(1, 9))
    assert [math.isnan(value) for _, value in points(watch)] == [False] * 3 + [True] * 4 + [False]
    write(run, {"step": 9, "text": "only ever a text", "flag": False, "none": None})
    look(watch)
    assert list(watch.series) == ["loss"]


def test_values_that_json_cannot_say(run: Path, watch: RunFollower) -> None:
    for step, word in enumerate(("inf", "-inf", "nan"), 4):
        write(run, {"step": step, "loss": None, "not_finite": {"loss": word, "absent": "inf"}})
    look(watch)
    assert all(math.isnan(value) for _, value in points(watch)[3:])
    assert math.isnan(watch.series["loss"].last)
    write(run, {"step": 9, "loss": None, "not_finite": {"loss": "inf"}})
    look(watch)
    assert watch.series["loss"].last == math.inf
    write(run, {"step": 10, "loss": 1, "not_finite": {"loss": "inf"}})
    write(run, {"step": 11, "loss": 2, "not_finite": ["loss"]}, {"step": 12, "not_finite": None})
    look(watch)
    assert points(watch)[-2:] == [(10, 1), (11, 2)]


def test_a_metric_that_is_not_finite_from_its_first_line_on_is_known(tmp_path: Path) -> None:
    write(tmp_path, {"step": 1, "loss": None, "not_finite": {"loss": "nan"}})
    watch = RunFollower(tmp_path)
    look(watch)
    assert list(watch.series) == ["loss"]
    assert math.isnan(watch.series["loss"].last)


def test_numbers_beyond_a_double(run: Path, watch: RunFollower) -> None:
    huge = "1" + "0" * 400
    write(run, f'{{"step": 4, "loss": {huge}, "x": -{huge}}}\n')
    write(run, f'{{"step": {huge}, "loss": 1}}\n', '{"step": 5, "loss": 1e400}\n', *loss(6))
    look(watch)
    assert [step for step, _ in points(watch)] == [1, 2, 3, 4, 6]
    assert watch.series["x"].last == -math.inf


@pytest.mark.parametrize("step", ['"7"', "null", "true", "[1]", "NaN", "1e300", "-1.7e308"])
def test_a_line_whose_step_is_no_place_is_left_out(
    run: Path, watch: RunFollower, step: str
) -> None:
    write(run, f'{{"step": {step}, "loss": 5}}\n', *loss(8))
    look(watch)
    assert [s for s, _ in points(watch)] == [1, 2, 3, 8]


def test_moments_and_counts_beyond_all_measure_are_no_places_on_an_axis(
    run: Path, watch: RunFollower
) -> None:
    far = {"num_tokens": 1e300, "num_samples": -1e300, "time": 1.7e308}
    lines = [{"step": step, "loss": step, "num_tokens": step, "num_samples": 1} for step in (4, 6)]
    write(run, *(json.dumps(row) + "\n" for row in (lines[0], {"step": 5, "loss": 5, **far})))
    write(run, json.dumps(lines[1]) + "\n")
    look(watch)
    assert [step for step, _ in points(watch)] == [1, 2, 3, 4, 5, 6]
    assert watch.clocks["tokens"].values.tolist() == [4, 6]
    assert watch.clocks["samples"].steps.tolist() == [4, 6]
    assert max(watch.clocks["time"].values) < 1e15


def test_steps_that_come_again_after_a_resume(run: Path, watch: RunFollower) -> None:
    write(run, *loss(4, 5, 6), *loss(3, 4, add=0.5))
    look(watch)
    assert points(watch) == [(1, 1), (2, 2), (3, 3.5), (4, 4.5)]
    assert watch.clocks["time"].steps.tolist() == [1, 2, 3, 4]


def test_lines_of_many_shapes_are_as_they_are_one_by_one(tmp_path: Path) -> None:
    names = ["step", "a", "b", "c", "d"]
    rows = [
        {name: step * n for n, name in enumerate(names, 1) if n == 1 or step % n}
        for step in range(200)
    ]
    write(tmp_path, *rows)
    watch = RunFollower(tmp_path)
    look(watch)
    for name in "abcd":
        expected = [(row["step"], row[name]) for row in rows if name in row]
        assert points(watch, name) == expected


def test_lines_without_a_step_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"loss": 5}, {"loss": 4}, "{}\n", {"loss": 3})
    watch = RunFollower(tmp_path)
    look(watch)
    assert points(watch) == [(0, 5), (1, 4), (3, 3)]


FILES = ["metrics.jsonl", "samples.jsonl", "distributions.jsonl", "machine.jsonl", "log.txt"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_directory_or_a_pipe_in_a_file_s_place_stops_nothing(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / name)
    other = "samples.jsonl" if name == "metrics.jsonl" else "metrics.jsonl"
    write(tmp_path, {"step": 1, "loss": 2, "prompt": "a", "completion": "b"}, name=other)
    watch = RunFollower(tmp_path)
    look(watch)
    assert watch.problem == f"Cannot read {tmp_path.name}: {name} is not a plain file."
    assert watch.series or watch.samples, "the others are read"
    if make is os.mkdir:
        (tmp_path / name).rmdir()
    else:
        (tmp_path / name).unlink()
    look(watch)
    assert watch.problem == ""


def test_a_file_that_may_not_be_read(
    run: Path, watch: RunFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the call that fails: the superuser, who may run this, may read everything."""
    opened = os.open

    def refused(path: object, *rest: int, **more: int) -> int:
        if str(path).endswith("metrics.jsonl"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)  # type: ignore[arg-type]

    write(run, *loss(4))
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        look(watch)
    assert watch.problem == "Cannot read sft-0001: Permission denied."
    look(watch)
    assert watch.problem == ""
    assert points(watch)[-1] == (4, 4)


def test_a_file_is_not_opened_while_nothing_changes(
    run: Path, watch: RunFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(run, "a line\n", name="log.txt")
    look(watch)
    look(watch)
    opened: list[str] = []
    original = os.open

    def noted(path: object, *rest: int, **more: int) -> int:
        opened.append(Path(str(path)).name)
        return original(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", noted)
    for _ in range(8):
        look(watch)
    assert opened == []
    write(run, *loss(4))
    look(watch)
    assert opened == ["metrics.jsonl"]
    for _ in range(30):
        look(watch)
    # Over a network file system only opening asks the server.
    assert "metrics.jsonl" in opened[1:]


def test_a_long_file_of_samples_comes_in_pieces(tmp_path: Path) -> None:
    row = json.dumps({"step": 1, "prompt": "p" * 500, "completion": "c" * 500}) + "\n"
    write(tmp_path, row * (3 * PIECE // len(row)), name="samples.jsonl")
    watch = RunFollower(tmp_path)
    reads = 0
    while True:
        batch = watch.read()
        watch.take(batch)
        reads += 1
        assert len(batch.samples) * len(row) <= PIECE + len(row)
        if not batch.more:
            break
    assert reads >= 3
    assert len(watch.samples) > 1000
