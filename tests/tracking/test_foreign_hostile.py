"""Files that nobody should have to trust: a sentence or a bounded result, never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import struct
from pathlib import Path

import pytest
from helpers.foreign import DATA, WANDB, follower, read_all, scan, steps, values

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.tracking.follow import PIECE
from rlhf_tui.tracking.foreign.intake import MOST_SERIES
from rlhf_tui.tracking.foreign.lines import LONGEST
from rlhf_tui.tracking.foreign.scan import check
from rlhf_tui.tracking.foreign.tensorboard_events import masked_crc

EVENTS = next((DATA / "tensorboard" / "first").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.gz", gzip.compress(b'{"step": 1, "loss": 1}\n', mtime=0), "gunzip"),
        ("a.jsonl", b'{"prompt": "a", "completion": "b"}\n', "without a number"),
        ("a.csv", b"prompt,completion\na,b\n", "columns of numbers"),
        ("a.json", b"[1, 2]", "array"),
        ("a.txt", b"Traceback: no\nlog\n", "columns of numbers"),
        ("a.bin", bytes(range(256)) * 10, "binary"),
        ("a.jsonl", b'{"a": ' * 100_000, "1 MiB|no JSON Lines"),
        ("a.jsonl", b"[" * 100_000, "array"),
        ("a.jsonl", b'{"x": "' + b"a" * 2_000_000, "1 MiB"),
        ("a.csv", b"a" * 2_000_000, "1 MiB"),
        ("a.csv", b",".join(b"c%d" % n for n in range(1_000_000)), "1 MiB"),
        ("\x1b]52;c;x\x07.txt", b"plain\n", "columns of numbers"),
    ],
)
def test_what_is_no_log_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why) as refused:
        check(scan(path))
    assert refused.value.message.isprintable()
    assert "TensorBoard" in refused.value.hint
    # In a directory with nothing else, likewise.
    with pytest.raises(UsageError, match=why):
        check(scan(tmp_path))


def test_a_line_without_an_end_is_passed_over_in_pieces(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    with log.open("wb") as file:
        file.write(b'{"step": 1, "loss": 1}\n' * 4000 + b'{"step": 2, "loss": "')
        # A gigabyte that takes no room on the disk.
        file.seek(1 << 30, 1)
        file.write(b'"}\n{"step": 3, "loss": 3}\n')
    run = follower(log)
    for _ in range(2):
        batch = run.read()
        run.take(batch)
        assert batch.more
    # The next pieces are bounded, too; the end of the line is found by leaping ahead here.
    run.reader._tail._offset = log.stat().st_size - LONGEST  # type: ignore[attr-defined]
    run.reader._tail._before = b""  # type: ignore[attr-defined]
    read_all(run)
    assert steps(run, "loss") == [1, 3]
    assert "4 MiB" in run.problem


def test_lines_that_are_no_objects_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    huge = '{"step": 3, "loss": ' + "9" * 5000 + "}"
    lines = ['{"step": 1, "loss": 1}', "not json", "[1]", deep, huge, '{"step": 4, "loss": 1e999}']
    log.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe{}\n")
    run = read_all(follower(log))
    assert "no JSON object" in run.problem
    assert steps(run, "loss")[0] == 1


def test_places_beyond_all_measure_stand_on_no_axis(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_text("step,time,tokens,loss\n1,1e300,5,1\n1.7e308,2,6,2\n3,3,1e300,3\n")
    run = read_all(follower(log))
    assert steps(run, "loss") == [1, 3]
    assert run.clocks["time"].steps.tolist() == [3]
    assert run.clocks["tokens"].values.tolist() == [5]


def test_a_million_columns_are_cut(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    wide = {f"column {n}": n for n in range(100_000)}
    log.write_text('{"step": 1, "loss": 1}\n' + json.dumps({"step": 2, **wide}) + "\n")
    run = read_all(follower(log))
    assert len(run.series) == MOST_SERIES
    run.read()
    assert f"more metrics than the {MOST_SERIES}" in run.problem


def test_a_table_of_many_columns_is_cut_and_says_so(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    names = [f"c{n}" for n in range(5000)]
    table.write_text(",".join([*names, "step"]) + "\n" + ",".join(["1"] * 5001) + "\n")
    run = read_all(follower(table))
    assert len(run.series) == MOST_SERIES
    # The column of steps is found wherever it stands.
    assert steps(run, "c0") == [1]
    assert "5001 columns" in run.problem


def test_a_quote_that_nobody_closes_ends_with_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.tracking.foreign.csv_table.LONGEST", 100_000)
    table = tmp_path / "a.csv"
    table.write_text('step,loss\n1,1\n2,"' + "x,1\n" * 50_000)
    run = read_all(follower(table))
    assert values(run, "loss")[0] == 1


def test_names_with_control_characters_and_other_encodings(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_bytes("step,\x1b[31mverlust\xe4,a\x00b\n1,2,3\n".encode("latin-1"))
    with pytest.raises(UsageError, match="binary"):
        check(scan(table))
    table.write_bytes("step,\x1b[31mverlust\xe4\n1,2\n".encode("latin-1"))
    assert list(read_all(follower(table)).series) == ["\x1b[31mverlust\xe4"]


def test_names_of_files_are_told_without_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\u202eb.jsonl"
    path.write_text('{"step": 1, "loss": 1}\n')
    (run,) = scan(tmp_path).runs
    assert run.name == "a?[2J?b.jsonl"


def test_event_files_that_claim_any_length_are_waited_for(tmp_path: Path) -> None:
    whole = EVENTS.read_bytes()
    length = struct.pack("<Q", 1 << 60)
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(whole + length + struct.pack("<I", masked_crc(length)) + b"x" * 100)
    run = read_all(follower(tmp_path))
    assert len(run.series["train/loss"]) == 60
    assert not run.read().more


def test_a_damaged_event_file_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    data = bytearray(EVENTS.read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "events.out.tfevents.1").write_bytes(data)
    run = read_all(follower(tmp_path))
    assert 0 < len(run.series["train/loss"]) < 61
    assert "damaged" in run.problem


def test_a_wandb_file_of_noise_ends(tmp_path: Path) -> None:
    path = tmp_path / "run-x.wandb"
    path.write_bytes(WANDB.read_bytes()[:7] + bytes(range(256)) * 2000)
    run = read_all(follower(path))
    assert run.series == {}
    assert "damaged" in run.problem


def test_a_state_that_is_too_large_or_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text('{"log_history": 3}')
    assert "no log_history" in read_all(follower(path)).problem
    path.write_text('{"log_history": [3, {"step": {}, "loss": []}, {"step": 1, "loss": NaN}]}')
    assert steps(read_all(follower(path)), "loss") == [1]
    monkeypatch.setattr("rlhf_tui.tracking.foreign.trainer_state.LARGEST", 10)
    assert "not read" in read_all(follower(path)).problem


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 1, "loss": 1}\n')
    run = read_all(follower(log))
    log.unlink()
    log.mkdir()
    batch = run.read()
    assert "Cannot read a.jsonl" in run.problem
    assert batch.empty


def test_directories_that_never_end_are_looked_into_so_far(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    deep = tmp_path
    for _ in range(20):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.jsonl").write_text('{"step": 1, "loss": 1}\n')
    assert scan(tmp_path).runs == []
    (tmp_path / "d" / "a.jsonl").write_text('{"step": 1, "loss": 1}\n')
    assert [run.name for run in scan(tmp_path).runs] == ["d/a.jsonl"]


def test_a_piece_is_small(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    line = '{"step": 1, "loss": 1, "text": "' + "x" * 900 + '"}\n'
    log.write_text(line * 2000)
    batch = follower(log).read()
    assert batch.more
    assert len(batch.rows) <= PIECE // 900


@pytest.mark.parametrize("name", ["trainer_state.json", EVENTS.name, "run-a.wandb", "a.jsonl"])
def test_nobody_waits_for_a_pipe(tmp_path: Path, name: str) -> None:
    """Neither the look at a directory nor the reading of what was a file a moment ago."""
    os.mkfifo(tmp_path / name)
    found = scan(tmp_path)
    for run in found.runs:
        assert "not a plain file" in read_all(follower(run.path)).problem


def test_a_run_directory_of_pipes_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / layout.ARGS)
    with pytest.raises(InputError, match="no plain file"):
        layout.read(tmp_path / layout.ARGS, RunArguments)
