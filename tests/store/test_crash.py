"""Bad days: killed while saving, a full disk, a log left behind by an unclean exit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.disks import disk_of

from rlhf_tui.errors import HubError
from rlhf_tui.records import Event
from rlhf_tui.store import read
from rlhf_tui.store.database import Store, StoreFull, StoreUnsure
from rlhf_tui.store.log import append
from rlhf_tui.store.wal import KEPT_WALS

APPEND = """
import sys
from pathlib import Path
from rlhf_tui.records import Event
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
store = Store(Path(sys.argv[1]), Path(sys.argv[2]), threads=1)
number = store.next_seq
while True:
    ids = [f"e{number + i}" for i in range(3)]
    append(store, [Event(i, "judge", "t", "ann", shown=["a", "b"], tiers=[1, 2]) for i in ids])
    print(*ids, flush=True)
    number += 3
"""


@pytest.mark.parametrize("lines", [2, 25])
def test_killed_while_saving_loses_nothing_that_was_acknowledged(
    tmp_path: Path, lines: int
) -> None:
    path, lock = tmp_path / "store.duckdb", tmp_path / "store.lock"
    acknowledged: set[str] = set()
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), str(lock)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(lines):
                acknowledged.update(process.stdout.readline().split())
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                # A line cut short by the kill was acknowledged to nobody.
                if line.endswith("\n"):
                    acknowledged.update(line.split())
    with Store(path, lock) as store:
        assert store.recovered is not None
        with store.reading() as con:
            stored = [i for (i,) in con.execute("SELECT event_id FROM events").fetchall()]
            seqs = [i for (i,) in con.execute("SELECT seq FROM events").fetchall()]
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored)) == len(set(seqs))


def test_the_last_few_logs_of_unclean_exits_are_kept_aside(tmp_path: Path) -> None:
    path, lock = tmp_path / "store.duckdb", tmp_path / "store.lock"
    with subprocess.Popen(
        [sys.executable, "-c", APPEND, str(path), str(lock)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    wal = path.with_name("store.duckdb.wal")
    left_behind = {path: path.read_bytes(), wal: wal.read_bytes()}
    for cut in range(KEPT_WALS + 2):
        path.write_bytes(left_behind[path])
        # A log that ends within an entry is what a crash leaves; each of these is another one.
        wal.write_bytes(left_behind[wal][: len(left_behind[wal]) - cut])
        with Store(path, lock) as store:
            assert store.recovered is not None
            assert store.recovered.stat().st_size == len(left_behind[wal]) - cut
            last = store.recovered
    kept = sorted(tmp_path.glob("store.duckdb.wal-*"))
    assert len(kept) == KEPT_WALS
    assert kept[-1] == last
    with Store(path, lock) as store:
        assert store.recovered is None


def test_a_damaged_log_is_a_sentence_and_its_copy_is_kept_once(tmp_path: Path) -> None:
    path, lock = tmp_path / "store.duckdb", tmp_path / "store.lock"
    with subprocess.Popen(
        [sys.executable, "-c", APPEND, str(path), str(lock)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(10):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    wal = path.with_name("store.duckdb.wal")
    damaged = bytearray(wal.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    wal.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(HubError, match=r"store\.duckdb\.wal, is damaged"):
            Store(path, lock)
    (copy,) = tmp_path.glob("store.duckdb.wal-*")
    assert copy.read_bytes() == damaged


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("12m", tmp_path / "disk") as disk:
        yield disk


def big(number: int) -> Event:
    return Event(f"e{number}", "judge", "t", "ann", critique=os.urandom(60_000).hex())


@pytest.mark.parametrize("size", [12, 20], ids=["in the log", "at a checkpoint"])
def test_a_full_disk_is_a_sentence_and_loses_nothing(small_disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}m", str(small_disk)], check=True)
    path, lock = small_disk / "store.duckdb", small_disk / "store.lock"
    store = Store(path, lock, threads=1)
    acknowledged: list[str] = []
    with pytest.raises((StoreFull, StoreUnsure), match="no room left") as refused:
        for number in range(1000):
            append(store, [big(number)])
            acknowledged.append(f"e{number}")
    assert "Free some space" in refused.value.hint
    if isinstance(refused.value, StoreUnsure):
        with pytest.raises(StoreUnsure):
            append(store, [big(2000)])
    store.close()

    # It opens for reading what is there even before there is room again.
    with Store(path, lock, threads=1) as reopened:
        assert read.totals(reopened).events >= len(acknowledged)

    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    with Store(path, lock, threads=1) as roomy:
        with roomy.reading() as con:
            stored = {i for (i,) in con.execute("SELECT event_id FROM events").fetchall()}
        assert set(acknowledged) <= stored
        repeated = append(roomy, [big(0), big(len(acknowledged)), big(3000)])
        assert repeated[0].outcome == "duplicate"
        assert repeated[2].outcome == "stored"
        assert read.totals(roomy).events == len(acknowledged) + 2
