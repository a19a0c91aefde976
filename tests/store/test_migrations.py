"""A store of any earlier version is brought up to date; one of a later version is refused."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec
import pytest

from rlhf_tui.records import Score
from rlhf_tui.store import migrations
from rlhf_tui.store.database import STORAGE_VERSION, Store
from rlhf_tui.store.read import deleted_runs, items, run_scores, runs, totals
from rlhf_tui.store.trail import history
from rlhf_tui.store.write import RunRow, save_run


def old_store(path: Path, version: int) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE_VERSION})
    migrations.migrate(con, target=version)
    return con


def test_versions_count_up_from_one_and_names_differ() -> None:
    assert [m.version for m in migrations.MIGRATIONS] == [*range(1, migrations.LATEST + 1)]
    assert len({m.name for m in migrations.MIGRATIONS}) == migrations.LATEST


def test_a_store_of_version_one_keeps_its_rows_and_gains_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    con = old_store(path, 1)
    con.execute("INSERT INTO prompts VALUES (1, 'p1', 'Once', NULL, 'f', 'train', '{}')")
    con.execute(
        "INSERT INTO completions VALUES (1, 'c1', 'p1', ' upon', NULL, 'human', '', '', '{}',"
        " NULL, NULL, NULL, true)"
    )
    con.execute(
        "INSERT INTO tasks VALUES (1, 't1', 'thumbs', 'p1', ['c1'], 1, 0, '', NULL, NULL, '')"
    )
    con.execute(
        "INSERT INTO events SELECT 1, 'e1', 'judge', 't1', 'ann', ['c1'], [], [true], false,"
        " false, NULL, '{}', '', [], '', '', '', [], 5, 6, NULL, 'tui', 7, 0, false, 1000"
    )
    assert migrations.version_of(con) == 1
    con.close()

    with Store(path, tmp_path / "store.lock") as store:
        with store.reading() as reader:
            assert migrations.version_of(reader) == migrations.LATEST
        assert items(store, ["t1"])[0].completions[0].completion == " upon"
        assert history(store, "ann")[0][1].thumbs == [True]
        assert store.next_seq == 2
        save_run(store, RunRow("sft-0001", "sft", "queued"))
    with Store(path, tmp_path / "store.lock") as store:
        assert totals(store).events == 1


def test_rewards_that_no_model_gave_are_none_since_version_four(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    con = old_store(path, 3)
    con.execute("INSERT INTO scores VALUES ('c1', 's1', '', 0, NULL, 1.5)")
    con.execute("INSERT INTO scores VALUES ('c1', 's2', 'rm-0001', 0, NULL, NULL)")
    con.close()
    with Store(path, tmp_path / "store.lock") as store:
        assert run_scores(store, "s1")[0] == [Score("c1", "s1", "", None, kl=1.5)]
        assert run_scores(store, "s2")[0] == [Score("c1", "s2", "rm-0001", 0.0)]


def test_runs_of_every_older_version_gain_what_people_say_of_them(tmp_path: Path) -> None:
    for version in range(2, migrations.LATEST):
        path = tmp_path / f"{version}.duckdb"
        con = old_store(path, version)
        con.execute(
            "INSERT INTO runs (run_id, kind, state, title, directory, created_ms, started_ms,"
            " ended_ms, arguments, metrics, message) VALUES"
            " ('sft-0001', 'sft', 'finished', 'old', '/r', 7, 8, 9, '{\"k\": 1}', '{}', '')"
        )
        con.close()
        with Store(path, tmp_path / "store.lock") as store:
            [run] = runs(store)
            wanted = RunRow("sft-0001", "sft", "finished", "old", "/r", 7, 8, 9, {"k": 1})
            assert run == msgspec.structs.replace(wanted, queued_ms=7)
            assert deleted_runs(store) == []
            said = msgspec.structs.replace(
                run, note="kept\nfor the paper", tags=["a", "B"], archived=True, promoted_ms=5
            )
            save_run(store, said)
            assert runs(store) == [said]


def test_migrating_twice_takes_no_step(tmp_path: Path) -> None:
    con = old_store(tmp_path / "s.duckdb", migrations.LATEST)
    assert migrations.migrate(con) == []
    con.close()


def test_a_newer_store_is_refused_in_a_sentence_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    con = old_store(path, migrations.LATEST)
    con.execute("INSERT INTO schema_version VALUES (99, 'from the future', 0)")
    con.close()
    for _ in range(2):
        with pytest.raises(migrations.NewerStore, match="version 99") as refused:
            Store(path, tmp_path / "store.lock")
        assert "Upgrade" in refused.value.hint


def test_opening_again_writes_nothing(tmp_path: Path) -> None:
    """So that a store opens on a full disk."""
    path = tmp_path / "store.duckdb"
    Store(path, tmp_path / "store.lock").close()
    before = path.read_bytes()
    Store(path, tmp_path / "store.lock").close()
    assert path.read_bytes() == before
