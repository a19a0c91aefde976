"""What is found in the files and directories that a person names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from helpers.foreign import DATA, WANDB, scan
from helpers.recorded import write_run

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.foreign import scan as scanning
from rlhf_tui.tracking.foreign.scan import Scanner, check, passed_over

LINE = '{"step": 1, "loss": 1}\n'


def names(*paths: Path) -> list[str]:
    return [run.name for run in scan(*paths).runs]


def test_all_formats_below_one_directory() -> None:
    runs = {run.name: run.format for run in scan(DATA).runs}
    assert runs == {
        "metrics.csv": "csv",
        "nested.jsonl": "jsonl",
        "trainer_log.jsonl": "llamafactory",
        "tensorboard/first": "tensorboard",
        "tensorboard/second": "tensorboard",
        "tensorboard/tuned": "tensorboard",
        "trainer_output": "trainer_state",
        "run-a1b2c3d4": "wandb",
    }


def test_run_directories_of_ours_alone_and_together(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "sft-0001", kind="sft")
    write_run(tmp_path / "runs", "ppo-0001")
    both = scan(tmp_path / "runs").runs
    assert [(run.name, run.format) for run in both] == [("ppo-0001", "run"), ("sft-0001", "run")]
    # Its metrics.jsonl is no log of another program.
    assert names(tmp_path / "runs" / "sft-0001") == ["sft-0001"]


def test_files_and_directories_mixed_each_once(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(LINE)
    assert names(log, tmp_path, DATA / "metrics.csv", log) == ["a.jsonl", "metrics.csv"]


def test_a_file_that_was_named_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    good, empty = tmp_path / "a.jsonl", tmp_path / "begun.csv"
    good.write_text(LINE)
    empty.touch()
    strange = [tmp_path / f"{number}.bin" for number in range(8)]
    for path in strange:
        path.write_bytes(bytes(range(256)) * 8)
    assert passed_over([good, empty, tmp_path]) == "", "in a directory there is much else"
    told = passed_over([good, *strange])
    assert told.startswith(f"No known log, and passed over: {strange[0]} (")
    assert told.endswith("; and 2 more.")


def test_the_same_name_twice_is_told_apart(tmp_path: Path) -> None:
    for place in ("one", "two", "two/three"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "log.jsonl").write_text(LINE)
    files = [tmp_path / place / "log.jsonl" for place in ("one", "two", "two/three")]
    assert names(*files) == ["log.jsonl", "log.jsonl:jsonl", "three/log.jsonl"]


def test_a_name_stays_when_others_come(tmp_path: Path) -> None:
    scanner = Scanner([tmp_path / "b", tmp_path / "a"])
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    (tmp_path / "a" / "log.jsonl").write_text(LINE)
    assert [run.name for run in scanner.scan().runs] == ["log.jsonl"]
    (tmp_path / "b" / "log.jsonl").write_text(LINE)
    again = {str(run.path.parent.name): run.name for run in scanner.scan().runs}
    assert again["a"] == "log.jsonl"
    assert again["b"] != "log.jsonl"


def test_the_link_to_the_latest_run_of_wandb_is_that_run(tmp_path: Path) -> None:
    place = tmp_path / "wandb"
    shutil.copytree(WANDB.parent, place / WANDB.parent.name)
    (place / "latest-run").symlink_to(WANDB.parent.name)
    assert names(place) == ["run-a1b2c3d4"]
    assert names(place / "latest-run") == ["run-a1b2c3d4"]


def test_several_formats_of_one_directory_are_runs_of_their_own(tmp_path: Path) -> None:
    shutil.copytree(DATA / "trainer_output", tmp_path / "out")
    shutil.copy(DATA / "trainer_log.jsonl", tmp_path / "out")
    event = next((DATA / "tensorboard" / "first").iterdir())
    shutil.copy(event, tmp_path / "out")
    assert names(tmp_path / "out") == ["out", "out:tensorboard", "trainer_log.jsonl"]


def test_numbers_without_a_step_are_a_log_only_when_they_are_named(tmp_path: Path) -> None:
    data = tmp_path / "scores.jsonl"
    data.write_text('{"prompt": "a", "score": 1.5}\n')
    assert names(data) == ["scores.jsonl"]
    with pytest.raises(UsageError, match="without a column of steps"):
        check(scan(tmp_path))


def test_an_empty_place_is_waited_for_until_something_comes(tmp_path: Path) -> None:
    scanner = Scanner([tmp_path])
    check(scanner.scan())
    assert scanner.scan().empty == [tmp_path]
    log = tmp_path / "a.jsonl"
    log.touch()
    assert scanner.scan().runs == []
    check(scanner.scan())
    log.write_text('{"st')
    assert scanner.scan().runs == []
    log.write_text(LINE)
    assert [run.name for run in scanner.scan().runs] == ["a.jsonl"]


def test_a_log_that_has_just_begun_is_waited_for_beside_other_files(tmp_path: Path) -> None:
    (tmp_path / "debug.log").write_text("words\n")
    with pytest.raises(UsageError):
        check(scan(tmp_path))
    (tmp_path / "run-x.wandb").touch()
    check(scan(tmp_path))
    assert scan(tmp_path).empty == [tmp_path / "run-x.wandb"]


def test_lines_of_a_programs_own_log_are_no_metrics(tmp_path: Path) -> None:
    line = '{"time": "2025-11-20T12:00:00Z", "level": "INFO", "msg": "x", "idle-timeout": 600}\n'
    (tmp_path / "debug.log").write_text(line)
    (tmp_path / "a.csv").write_text("timestamp,power\n1763640000,300\n")
    assert names(tmp_path) == ["a.csv"]
    place = tmp_path / WANDB.parent.name
    shutil.copytree(WANDB.parent, place)
    (place / "files" / "other.jsonl").write_text(LINE)
    assert names(place) == ["run-a1b2c3d4"]


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file or directory"):
        check(scan(tmp_path / "no"))


def test_what_was_found_instead_is_told(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text("words\n")
    (tmp_path / "data.json").write_text(json.dumps([1]))
    with pytest.raises(UsageError) as refused:
        check(scan(tmp_path))
    assert "0.txt (text without columns of numbers)" in refused.value.message
    assert "and 4 more" in refused.value.message


def test_links_that_lead_nowhere_are_told_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "none").symlink_to("nowhere")
    (tmp_path / "a.jsonl").write_text(LINE)
    assert names(tmp_path) == ["a.jsonl"]
    with pytest.raises(UsageError, match="cannot be read"):
        check(scan(tmp_path / "loop"))


def test_a_directory_that_is_closed_to_us_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.jsonl").write_text(LINE)
    usual = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return usual(path)  # type: ignore[call-overload]

    # The tests may run as root, to whom nothing is closed.
    monkeypatch.setattr(os, "scandir", refuse)
    assert names(tmp_path) == ["a.jsonl"]


def test_of_too_many_runs_the_newest_are_found_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_RUNS", 2)
    for number, written in enumerate((300, 100, 400, 200)):
        log = tmp_path / f"{number}.jsonl"
        log.write_text(LINE)
        os.utime(log, (written, written))
    found = scan(tmp_path)
    assert [run.name for run in found.runs] == ["0.jsonl", "2.jsonl"]
    assert found.older == 2
    assert scan(tmp_path / "1.jsonl").older == 0
