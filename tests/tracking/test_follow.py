"""Following the files of a run, whatever happens to them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rlhf_tui.runs.layout import REFERENCE
from rlhf_tui.screens.widgets.canvas_view import Row, changed_span
from rlhf_tui.screens.widgets.run_list import duration
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.follow import MOST_SAMPLES, PIECE, RunFollower
from rlhf_tui.tracking.log_tail import LOG_BYTES, LogTail
from rlhf_tui.tracking.metrics import MAX_SERIES
from rlhf_tui.tracking.sampled import Sampled


def follow(watch: RunFollower) -> int:
    """Read all there is; how many reads it took."""
    reads = 0
    while True:
        batch = watch.read()
        watch.take(batch)
        reads += 1
        if not batch.more:
            return reads


def test_a_long_file_is_read_in_pieces(tmp_path: Path) -> None:
    line = json.dumps({"step": 0, "loss": 1.5, "filler": "x" * 200})
    count = 4 * PIECE // len(line)
    with (tmp_path / "metrics.jsonl").open("w") as file:
        for step in range(count):
            file.write(line.replace('"step": 0', f'"step": {step}') + "\n")
    watch = RunFollower(tmp_path)
    assert follow(watch) > 3
    assert len(watch.series["loss"]) == count
    assert watch.read().empty


def test_a_run_directory_that_is_not_there(tmp_path: Path) -> None:
    watch = RunFollower(tmp_path / "gone")
    assert watch.gone
    assert watch.read().empty


def test_names_without_end_are_not_all_kept(tmp_path: Path) -> None:
    row = {"step": 1, **{f"m{i}": i for i in range(5 * MAX_SERIES)}}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    watch = RunFollower(tmp_path)
    follow(watch)
    assert len(watch.series) == MAX_SERIES


def test_the_end_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("".join(f"line {n}\n" for n in range(100_000)))
    tail = LogTail(path)
    assert tail.read()
    assert tail.shown[-1] == "line 99999"
    assert tail.shown[0].startswith("line ")
    assert sum(map(len, tail.shown)) <= LOG_BYTES
    assert not tail.read()
    with path.open("a") as file:
        file.write("half")
        file.flush()
        assert tail.read()
        assert tail.shown[-1] == "half"
        file.write(" whole\n")
    assert tail.read()
    assert tail.shown[-1] == "half whole"
    path.write_text("anew\n")
    assert tail.read()
    assert tail.shown == ["anew"]


def test_log_of_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"\xff\xfe ok\n 10%\r 20%\r 30%")
    tail = LogTail(path)
    assert tail.read()
    assert tail.shown == ["\ufffd\ufffd ok", " 30%"]


ROWS = st.lists(st.tuples(st.text("ab ─漢", max_size=5), st.sampled_from(["", "dim"])), max_size=4)


@given(ROWS, ROWS)
def test_the_changed_cells_are_within_the_span(old: Row, new: Row) -> None:
    def cells(row: Row) -> list[tuple[str, str]]:
        return [
            (part, style)
            for text, style in row
            for character in text
            for part in (character, *[""] * (cell_len(character) - 1))
        ]

    before, after = cells(old), cells(new)
    span = changed_span(old, new)
    if span is None:
        assert before == after
        return
    for i in range(max(len(before), len(after))):
        if i >= len(before) or i >= len(after) or before[i] != after[i]:
            assert span[0] <= i < span[1]


@given(st.text("ab 漢\n", max_size=80), st.integers(2, 12))
def test_wrapped_rows_fit_and_lose_no_letter(text: str, width: int) -> None:
    rows = wrap([(text, "")], width)
    shown = ["".join(part for part, _ in row) for row in rows]
    assert all(cell_len(row.rstrip()) <= width for row in shown)
    assert "".join(shown).replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_durations() -> None:
    given = [0, 59, 60, 3599, 3600, 86400 * 1.5, 86400 * 2, 86400 * 400]
    assert [duration(s) for s in given] == ["<1m", "<1m", "1m", "59m", "1h", "36h", "2d", "400d"]


def test_the_reference_stays_however_many_answers_follow(tmp_path: Path) -> None:
    def row(step: int, by: str = "") -> str:
        return json.dumps({"step": step, "prompt": "p", "completion": f"{by}{step}", "by": by})

    watch = RunFollower(tmp_path)
    with (tmp_path / "samples.jsonl").open("w") as file:
        file.write(row(0, REFERENCE) + "\n")
        for step in range(MOST_SAMPLES + 50):
            file.write(row(step) + "\n")
            if step % 500 == 0:
                file.flush()
                follow(watch)
    follow(watch)
    assert len(watch.samples) == MOST_SAMPLES
    answers = Sampled(watch.samples).prompts["p"]
    reference, newest = answers.reference(), answers.at(MOST_SAMPLES + 50)
    assert reference is not None
    assert reference.by == REFERENCE
    assert newest is not None
    assert newest.step == MOST_SAMPLES + 49
    assert sorted(answers.policy) == list(range(51, MOST_SAMPLES + 50))
