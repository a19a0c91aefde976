"""One process at a time holds a store, and a dead one holds nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from rlhf_tui.errors import HubError
from rlhf_tui.store.database import Store
from rlhf_tui.store.gate import Gate, StoreBusy

HOLD = """
import sys
from pathlib import Path
from rlhf_tui.store.database import Store
store = Store(Path(sys.argv[1]), Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.read()
"""


def test_two_processes_never_hold_one_store_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    path, lock = tmp_path / "store.duckdb", tmp_path / "store.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StoreBusy) as refused:
            Store(path, lock)
        assert str(holder.pid) in refused.value.message
        assert "hub stop" in refused.value.hint
        holder.send_signal(signal.SIGKILL)
    with Store(path, lock) as store:
        assert store.next_seq == 1


def test_the_gate_opens_again_when_closed(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "store.lock")
    with pytest.raises(StoreBusy):
        Gate(tmp_path / "store.lock")
    gate.close()
    gate.close()
    Gate(tmp_path / "store.lock").close()


def test_a_lock_file_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="lock file") as refused:
        Gate(tmp_path / "missing" / "store.lock")
    assert refused.value.hint


def test_a_file_that_is_no_database_is_told_and_the_gate_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    path.write_bytes(b"something else entirely" * 1000)
    with pytest.raises(HubError, match="cannot be opened"):
        Store(path, tmp_path / "store.lock")
    Gate(tmp_path / "store.lock").close()


def test_a_foreign_program_on_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    Store(path, tmp_path / "store.lock").close()
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print(1, flush=True);"
            " sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(HubError, match="Another program"):
            Store(path, tmp_path / "store.lock")
        other.kill()


def test_the_file_is_of_the_older_format_and_reads_nothing_from_the_network(store: Store) -> None:
    with store.reading() as con:
        tags = con.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = current_database()"
        ).fetchall()[0][0]
        settings = dict(con.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert tags["storage_version"].startswith("v1.5.0")
    assert settings["autoinstall_known_extensions"] == "false"
    assert settings["autoload_known_extensions"] == "false"
    assert settings["enable_progress_bar"] == "false"
    assert duckdb.__version__.startswith("2.0.")
