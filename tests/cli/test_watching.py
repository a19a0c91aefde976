"""`dashboard`: what a name means, what it refuses, and what `--once` prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.cli import Cli, refused
from helpers.foreign import DATA, WANDB
from helpers.recorded import write_run

from rlhf_tui.cli import main, once_runs, targets, watching
from rlhf_tui.cli.quick import quick
from rlhf_tui.cli.targets import ARGS, resolved
from rlhf_tui.errors import Denied, HubError, UsageError
from rlhf_tui.runs import layout
from rlhf_tui.workspace import Workspace, init_workspace


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with two runs, as the current directory."""
    monkeypatch.delenv("RLHF_TUI_WORKSPACE", raising=False)
    there = tmp_path / "work"
    there.mkdir()
    made = init_workspace(there)
    write_run(made.runs, "sft-0001", kind="sft", steps=60, total=60)
    write_run(made.runs, "ppo-0001", state="failed", steps=40, message="The GPU ran out of memory.")
    monkeypatch.chdir(there)
    return there


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is in no workspace, as the current directory."""
    monkeypatch.delenv("RLHF_TUI_WORKSPACE", raising=False)
    there = tmp_path / "elsewhere"
    there.mkdir()
    monkeypatch.chdir(there)
    return there


# --- what a name means ----------------------------------------------------------------------------


def test_a_run_of_the_workspace_is_the_run(place: Path) -> None:
    assert resolved(["sft-0001"], None) == ("sft-0001", [])
    assert resolved([], None) == ("", [])


def test_a_run_directory_is_known_by_the_file_that_all_of_them_have() -> None:
    assert ARGS == layout.ARGS


def test_a_name_that_is_both_is_the_run_and_with_a_slash_the_file(place: Path) -> None:
    (place / "sft-0001").write_text('{"step": 1, "loss": 1}\n')
    assert resolved(["sft-0001"], None) == ("sft-0001", [])
    assert resolved(["./sft-0001"], None) == ("", [Path("sft-0001")])


def test_a_name_that_is_a_path_alone_is_the_path(place: Path) -> None:
    (place / "out").mkdir()
    assert resolved(["out"], None) == ("", [Path("out")])


def test_a_name_of_nothing_is_told_by_the_screen_and_a_path_at_once(place: Path) -> None:
    assert resolved(["sft-9999"], None) == ("sft-9999", [])
    with pytest.raises(UsageError, match="no run, file or directory 'no/such'"):
        resolved(["no/such"], None)


def test_several_names_are_paths_and_the_directories_of_runs(place: Path) -> None:
    (place / "a.csv").write_text("step,loss\n1,2\n")
    run, paths = resolved(["sft-0001", "a.csv"], None)
    assert run == ""
    assert [path.name for path in paths] == ["sft-0001", "a.csv"]
    assert (paths[0] / "args.json").exists()


def test_outside_of_a_workspace_a_name_is_a_path(outside: Path) -> None:
    (outside / "a.csv").write_text("step,loss\n1,2\n")
    assert resolved(["a.csv"], None) == ("", [Path("a.csv")])
    with pytest.raises(UsageError, match="'sft-0001'"):
        resolved(["sft-0001"], None)


@pytest.mark.parametrize(
    "given", [["sft-0001"], [str(DATA)], [], ["-w", "."], ["sft-0001", "--workspace=."]]
)
def test_what_is_named_is_opened_alike_on_both_ways(
    place: Path, monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    opened: list[object] = []

    def take(here: Workspace | None, start: str, **more: object) -> int:
        opened.append((here and here.root.resolve(), start, more.get("files")))
        return 7

    monkeypatch.setattr(targets, "need_terminal", lambda command: None)
    monkeypatch.setattr(targets, "open_screens", take)
    # The connection that is made beforehand would be left open.
    monkeypatch.setattr(targets, "ask_runs_early", lambda here: None)
    short = quick(["dashboard", *given])
    assert short is not None
    assert short() == 7
    with pytest.raises(SystemExit) as left:
        main.main(["dashboard", *given])
    assert left.value.code == 7
    expected: dict[str, object] = {
        "sft-0001": (place, "dashboard:sft-0001", None),
        str(DATA): (None, "files", [DATA]),
    }
    assert opened == [expected.get((given or [""])[0], (place, "dashboard", None))] * 2


@pytest.mark.parametrize(
    "given", [["--once"], ["a", "--json"], ["-w"], ["-w", "x", "a"], ["--width", "80"], ["--help"]]
)
def test_what_is_more_than_names_is_left_to_the_tree(given: list[str]) -> None:
    assert quick(["dashboard", *given]) is None


# --- as a command ---------------------------------------------------------------------------------


@pytest.fixture
def printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """What the command prints where no hub can be had, on a terminal that has UTF-8."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def away(workspace: Workspace) -> None:
        raise HubError(f"The hub cannot be started: {workspace.root} cannot be written.")

    monkeypatch.setattr(once_runs, "HubClient", away)

    def prints(*targets: str | Path, **options: Any) -> str:
        watching.dashboard([str(target) for target in targets], once=True, **options)
        sys.stdout.flush()
        return capfd.readouterr().out

    return prints


def test_once_prints_the_runs_of_a_workspace_without_a_hub(
    place: Path, printed: Callable[..., str]
) -> None:
    out = printed()
    lines = out.splitlines()
    assert lines[0].split() == ["RUN", "STATE", "STEP", "TITLE"]
    assert any(line.startswith("sft-0001") and "60/60" in line for line in lines)
    assert "\x1b" not in out
    assert max(map(len, lines)) <= 100
    assert not (place / "hub.json").exists()


def test_without_a_hub_it_says_so_beside_the_result(
    place: Path, printed: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads(printed("ppo", json=True))
    assert facts["run"]["run_id"] == "ppo-0001"
    assert "cannot be written. Read from the run directories" in facts["note"]
    watching.dashboard(["latest"], once=True)
    told = capfd.readouterr()
    assert "Read from the run directories" in told.err
    assert "Read from" not in told.out
    with pytest.raises(UsageError, match="begins several"):
        write_run(place / "runs", "sft-0002", kind="sft")
        printed("sft")


def test_who_is_shown_no_runs_is_shown_none_from_their_files(
    place: Path, printed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(workspace: Workspace) -> None:
        raise Denied("Runs are shown to reviewers and the owner.")

    monkeypatch.setattr(once_runs, "HubClient", refuses)
    with pytest.raises(Denied, match="reviewers"):
        printed()


def test_once_prints_the_chosen_run(place: Path, printed: Callable[..., str]) -> None:
    out = printed("ppo-0001", width=80)
    assert "ppo-0001  failed  PPO" in out
    assert "step 40 of 150 (27%)" in out
    assert "The GPU ran out of memory." in out
    assert "objective/scores" in out
    assert any("\u2800" <= character <= "\u28ff" for character in out)
    assert "last metrics" in out
    assert "step 40: saved" in out
    assert max(map(len, out.splitlines())) <= 80


def test_once_in_ascii_alone(
    place: Path, printed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(plain=True).isascii()
    monkeypatch.setenv("LC_ALL", "C")
    out = printed()
    assert out.isascii()
    assert "last metrics" in out


def test_once_as_json(place: Path, printed: Callable[..., str]) -> None:
    facts = json.loads(printed("ppo-0001", json=True))
    assert {run["run_id"] for run in facts["runs"]} == {"ppo-0001", "sft-0001"}
    run = facts["run"]
    assert (run["state"], run["step"], run["total_steps"]) == ("failed", 40, 150)
    assert run["metrics"]["objective/kl"]["points"] == 40
    assert {"rule", "severity", "step", "sentence", "change"} <= set(run["warnings"][0])


def test_once_of_what_other_programs_wrote(outside: Path, printed: Callable[..., str]) -> None:
    out = printed(DATA / "trainer_output", WANDB)
    assert "trainer_output" in out
    assert "run-a1b2c3d4" in out
    chosen = json.loads(printed(WANDB, json=True))["run"]
    assert chosen["state"] == "finished"
    assert chosen["title"] == "W&B, sft of the sample"
    assert (chosen["step"], chosen["total_steps"]) == (299, 300)
    assert chosen["metrics"]["train/loss"]["points"] == 300


def test_once_names_a_file_that_is_no_log(
    outside: Path, printed: Callable[..., str], tmp_path: Path
) -> None:
    strange = tmp_path / "model.bin"
    strange.write_bytes(bytes(range(256)) * 8)
    told = json.loads(printed(DATA / "metrics.csv", strange, json=True))
    assert [run["run_id"] for run in told["runs"]] == ["metrics.csv"]
    assert f"passed over: {strange} (" in told["note"]


def test_once_is_cut_to_its_height_and_waits_for_nothing(
    outside: Path, printed: Callable[..., str]
) -> None:
    (outside / "out").mkdir()
    assert "nothing in out yet" in printed("out")
    assert len(printed(DATA, height=5).splitlines()) == 5


def test_titles_and_names_cannot_act_on_the_terminal(
    outside: Path, printed: Callable[..., str]
) -> None:
    log = outside / "a\x1b[2J.jsonl"
    log.write_text('{"step": 1, "loss\\u001b]52;c;x\\u0007": 1, "\\u202eb": 2}\n')
    out = printed(log)
    assert all(character.isprintable() or character == "\n" for character in out)
    assert "1 of" not in out


def test_what_cannot_be_shown_is_refused(outside: Path, printed: Callable[..., str]) -> None:
    (outside / "notes.txt").write_text("words\n")
    with pytest.raises(UsageError, match=r"notes.txt \(text"):
        printed("notes.txt")
    with pytest.raises(UsageError, match="'nothing'"):
        printed("nothing")
    with pytest.raises(UsageError, match="workspace"):
        printed()
    with pytest.raises(UsageError, match="--once"):
        watching.dashboard([str(DATA)], width=80)
    refused(Cli(outside)("dashboard", DATA), 2, "terminal", "--once")


def test_an_unknown_run_names_the_nearest(place: Path, printed: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match="'sft-0002'") as refusal:
        printed("sft-0002")
    assert "sft-0001" in refusal.value.hint


def test_once_loads_no_torch_and_no_database(place: Path) -> None:
    heavy = ("torch", "duckdb", "transformers", "wandb", "tensorboard", "matplotlib")
    code = (
        "import sys; from rlhf_tui.cli import once_runs\n"
        "from rlhf_tui.cli.once_snapshot import take\n"
        "from rlhf_tui.errors import HubError\n"
        "def away(workspace): raise HubError('Away.')\n"
        "once_runs.HubClient = away\n"
        "from rlhf_tui.cli.once_text import text\n"
        "from rlhf_tui.workspace import find_workspace\n"
        "text(take(find_workspace(None), '', []), 80, ascii_only=False)\n"
        f"print([n for n in {heavy} if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=place, check=True
    )
    assert done.stdout.strip() == "[]"
