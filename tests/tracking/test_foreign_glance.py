"""How far a log has come and how it ended, by its end alone and as its package tells it."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from helpers.foreign import DATA, WANDB, follower, found, read_all
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.foreign.glance import Progress, glance
from rlhf_tui.tracking.foreign.protobuf import fields
from rlhf_tui.tracking.foreign.tensorboard_events import masked_crc
from rlhf_tui.tracking.foreign.tensorboard_tail import END, last_step
from rlhf_tui.tracking.foreign.wandb_file import BLOCK, MAGIC, WHOLE
from rlhf_tui.tracking.foreign.wandb_tail import last_row

EVENTS = next((DATA / "tensorboard" / "first").iterdir())


@pytest.mark.parametrize(
    ("source", "over"),
    [
        (DATA / "trainer_output", "finished"),
        (DATA / "tensorboard" / "first", ""),
        (DATA / "tensorboard" / "second", ""),
        (DATA / "trainer_log.jsonl", ""),
        (DATA / "metrics.csv", ""),
        (DATA / "nested.jsonl", ""),
        (WANDB, "finished"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_end_tells_the_step_that_reading_all_of_it_does(source: Path, over: str) -> None:
    told = glance(found(source))
    assert told.step == read_all(follower(source)).step
    assert told.over == over


def test_the_end_of_a_long_event_file(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join(map(frame, range(3000))))
    assert path.stat().st_size > 2 * END
    assert last_step(path) == 2999
    # Half of the last record is written.
    path.write_bytes(path.read_bytes()[:-20])
    assert last_step(path) == 2998


def frame(step: int) -> bytes:
    """An event with a loss, as a file has it."""
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(step=step, wall_time=1e9 + step)
    event.summary.value.add(tag="train/loss", simple_value=1.0)
    body = event.SerializeToString()
    length = struct.pack("<Q", len(body))
    ends = (struct.pack("<I", masked_crc(part)) for part in (length, body))
    return length + next(ends) + body + next(ends)


def test_an_event_file_whose_end_holds_no_step(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(EVENTS.read_bytes() + bytes(3 * END))
    assert last_step(path) == 0
    assert glance(found(DATA / "tensorboard" / "tuned")) == Progress()


@pytest.mark.parametrize(("code", "over"), [(0, "finished"), (1, "failed"), (255, "failed")])
def test_how_a_wandb_run_ended(tmp_path: Path, code: int, over: str) -> None:
    from wandb.proto import wandb_internal_pb2 as internal

    record = internal.Record()
    record.history.step.num = 7
    ended = internal.Record()
    ended.exit.exit_code = code
    path = tmp_path / "run-a.wandb"
    path.write_bytes(MAGIC + b"\0" + b"".join(map(chunk, (record, ended))))
    assert last_row(path) == (7, over)


def chunk(record: Any) -> bytes:
    """A record whole in one chunk, as the file has it."""
    body = record.SerializeToString()
    checksum = zlib.crc32(bytes([WHOLE]) + body)
    return struct.pack("<IHB", checksum, len(body), WHOLE) + body


def test_a_wandb_run_that_was_killed_tells_its_step_and_no_end(tmp_path: Path) -> None:
    whole = WANDB.read_bytes()
    path = tmp_path / WANDB.name
    for size in (2 * BLOCK - 5, 2 * BLOCK, 2 * BLOCK + 3, len(whole) // 2):
        path.write_bytes(whole[:size])
        step, over = last_row(path)
        assert step == read_all(follower(path)).step
        assert over == ""


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_end_them(data: bytes) -> None:
    for number, value in fields(data):
        assert number > 0
        assert isinstance(value, int | bytes)


def test_no_package_is_imported_for_it() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from rlhf_tui.tracking.foreign.glance import glance\n"
        "from rlhf_tui.tracking.foreign.scan import Scanner\n"
        f"runs = Scanner([Path({str(DATA)!r})]).scan().runs\n"
        "assert sum(glance(run).step > 0 for run in runs) == 7, runs\n"
        "print([n for n in ('wandb', 'tensorboard', 'google', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
