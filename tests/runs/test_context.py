"""What a run's code is given, without processes around it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import wait_until
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.runs import checkpoints, context, environment, layout, lines, memory
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import RunArguments, RunStatus


def make(directory: Path, **arguments: object) -> RunContext:
    return RunContext(directory, RunArguments("sft-0001", "sft", arguments))


def test_options_are_typed_and_a_misfit_is_a_sentence(tmp_path):
    assert make(tmp_path, epochs=2).options(SFTOptions).epochs == 2
    with pytest.raises(UsageError, match=r"do not fit this version.*epoch"):
        make(tmp_path, epoch=2).options(SFTOptions)


def test_a_missing_split_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no validation\.parquet"):
        make(tmp_path).dataset("validation")


def test_the_heart_beats_while_the_run_computes(tmp_path, monkeypatch):
    monkeypatch.setattr(context, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(context, "WRITE_EVERY_S", 0.01)
    made = make(tmp_path)
    made.start()

    def beat() -> float:
        status = layout.read(tmp_path / layout.STATUS, RunStatus)
        return status.updated if status else 0.0

    first = beat()
    wait_until(lambda: beat() > first)
    made.finish("finished", "done")
    status = layout.read(tmp_path / layout.STATUS, RunStatus)
    assert (status.phase, status.message) == ("finished", "done")


def test_the_heart_beats_on_when_the_clock_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(context, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(context, "WRITE_EVERY_S", 0.01)
    made = make(tmp_path)
    made.start()
    now = time.time()
    monkeypatch.setattr(context.time, "time", lambda: now - 3600)
    wait_until(lambda: layout.read(tmp_path / layout.STATUS, RunStatus).updated == now - 3600)
    (tmp_path / layout.STATUS).unlink()
    wait_until((tmp_path / layout.STATUS).exists, what="a beat by that clock")
    made.finish("finished", "done")


def test_progress_reaches_the_disk_without_waiting_for_a_beat(tmp_path, monkeypatch):
    monkeypatch.setattr(context, "HEARTBEAT_S", 3600.0)
    monkeypatch.setattr(context, "WRITE_EVERY_S", 0.01)
    made = make(tmp_path)
    made.start()
    made.progress(1, 9, phase="running")
    made.progress(5, 9, "fifth")
    wait_until(lambda: layout.read(tmp_path / layout.STATUS, RunStatus).step == 5)
    made.finish("stopped", "")


def test_the_moment_is_kept_when_loading_is_over_and_the_steps_begin(tmp_path, monkeypatch):
    made = make(tmp_path)
    for second, (step, phase) in enumerate([(0, "loading"), (7, "running"), (8, "running")]):
        monkeypatch.setattr(context.time, "time", lambda second=second: 1000.0 + second)
        made.progress(step, 9, phase=phase)
    status = layout.read(tmp_path / layout.STATUS, RunStatus)
    assert (status.running_since, status.first_step) == (1001.0, 7)


@given(
    st.dictionaries(
        st.sampled_from(["loss", "objective/kl", "eval_loss", "val/ratio_var"]), st.floats()
    )
)
def test_any_figures_make_valid_json_that_names_what_is_not_finite(metrics):
    text = json.dumps(lines.metrics_row(3, metrics, {"epoch": 0.5}), allow_nan=False)
    row = json.loads(text)
    odd = row.pop("not_finite", {})
    assert row.pop("step") == 3
    assert row.pop("epoch") == 0.5
    row.pop("time")
    told = {name: float(odd.get(name, value) or 0.0) for name, value in row.items()}
    assert {n: repr(v) for n, v in told.items()} == {n: repr(v) for n, v in metrics.items()}


def test_a_line_after_half_a_line_starts_afresh(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step": 1}\n{"ste')
    log = lines.LineLog(path)
    log.append([{"step": 2}])
    log.append([{"step": 3}, {"step": 4}])
    log.append([])
    log.close()
    assert path.read_text() == '{"step": 1}\n{"ste\n{"step":2}\n{"step":3}\n{"step":4}\n'


FULL = """
import resource, sys
from pathlib import Path
from rlhf_tui.runs.lines import LineLog
log = LineLog(Path(sys.argv[1]))
log.append([{"n": 1}])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (12, hard))
try:
    log.append([{"n": 2}])
except OSError as error:
    print(error.strerror)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.append([{"n": 3}])
"""


def test_a_disk_full_amid_a_line_spoils_no_later_one(tmp_path):
    path = tmp_path / "m.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "File too large\n"
    assert path.read_text() == '{"n":1}\n{"n"\n{"n":3}\n'


def test_checkpoints_are_pruned_only_after_the_new_one_stands(tmp_path):
    for step in (5, 10, 100):
        with checkpoints.writing(tmp_path, step, keep=2) as folder:
            (folder / "w").write_text(str(step))
            assert len(checkpoints.complete(tmp_path)) == {5: 0, 10: 1, 100: 2}[step]
    assert [p.name for p in checkpoints.complete(tmp_path)] == ["step-000010", "step-000100"]


def test_a_checkpoint_that_fails_leaves_nothing_and_keeps_the_rest(tmp_path):
    with checkpoints.writing(tmp_path, 1, keep=1) as folder:
        (folder / "w").write_text("one")
    with pytest.raises(ValueError, match="no"), checkpoints.writing(tmp_path, 2, keep=1) as folder:
        (folder / "w").write_text("half")
        raise ValueError("no")
    assert [p.name for p in tmp_path.iterdir()] == ["step-000001"]


def test_the_same_step_saved_again_replaces_the_old_one(tmp_path):
    for text in ("old", "new"):
        with checkpoints.writing(tmp_path, 3, keep=2) as folder:
            (folder / "w").write_text(text)
    assert [p.name for p in tmp_path.iterdir()] == ["step-000003"]
    assert (tmp_path / "step-000003" / "w").read_text() == "new"


def test_what_a_killed_worker_left_half_written_is_removed_at_the_next_start(tmp_path):
    # Killed amid a checkpoint, amid the model, and between the two renamings of another model.
    for left in (
        ".model.partial",
        "checkpoints/.step-000002.partial",
        ".other.old",
        ".merge-x.partial",
    ):
        (tmp_path / left).mkdir(parents=True)
        (tmp_path / left / "w").touch()
    made = make(tmp_path)
    made.start()
    made.finish("finished", "")
    folders = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_dir()}
    assert folders == {"checkpoints", "other"}


def test_a_model_that_fails_leaves_the_one_before(tmp_path):
    made = make(tmp_path)
    for text in ("one", "two"):
        with made.writing_model() as folder:
            (folder / "w").write_text(text)
    with pytest.raises(ValueError, match="no"), made.writing_model() as folder:
        (folder / "half").touch()
        raise ValueError("no")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert [p.read_text() for p in made.model_dir.iterdir()] == ["two"]


def test_steps_beyond_the_width_of_the_name_stay_in_order(tmp_path):
    for step in (999_999, 1_000_000):
        (tmp_path / f"step-{step:06d}").mkdir()
    (tmp_path / "notes").mkdir()
    assert [checkpoints.step_of(p) for p in checkpoints.complete(tmp_path)] == [999_999, 1_000_000]
    assert checkpoints.complete(tmp_path / "none") == []


def test_secrets_are_not_carried():
    environ = {
        "HF_HOME": "/m",
        "HF_TOKEN": "s",
        "HF_API_KEY": "s",
        "CUDA_VISIBLE_DEVICES": "1",
        "PATH": "/bin",
        "OPENAI_API_KEY": "s",
    }
    assert environment.carried(environ) == {"CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/m"}
    assert not environment.carried(dict.fromkeys(environment.SECRETS, "s"))
    assert not environment.carried({"HF_ENDPOINT": "https://me:s@hub"})


def test_keys_are_handed_over_by_name_alone():
    environ = {"HF_TOKEN": "h", "WANDB_API_KEY": "", "AWS_SECRET_ACCESS_KEY": "a", "HF_HOME": "/m"}
    assert environment.secrets(environ) == {"HF_TOKEN": "h"}


@pytest.mark.parametrize(
    ("membership", "file", "text", "count"),
    [
        ("0::/user.slice/a", "user.slice/a/memory.events", "low 0\noom 2\noom_kill 1\n", 1),
        ("0::/in/a/container", "memory.events", "oom_kill 4\n", 4),
        ("4:memory:/x\n0::/", "memory/x/memory.oom_control", "under_oom 0\noom_kill 7\n", 7),
        ("9:cpu,memory:/y", "memory/memory.oom_control", "oom_kill 0\n", 0),
        ("0::/", "memory.events", "oom 2\n", None),
        ("0::/", "nothing", "", None),
    ],
)
def test_the_control_groups_count(tmp_path, monkeypatch, membership, file, text, count):
    (tmp_path / "groups" / file).parent.mkdir(parents=True)
    (tmp_path / "groups" / file).write_text(text)
    (tmp_path / "membership").write_text(membership + "\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    assert memory.out_of_memory_kills() == count


def test_the_supervisor_and_the_worker_start_light():
    heavy = "{'torch', 'duckdb', 'textual', 'transformers', 'pyarrow'} & set(sys.modules)"
    code = f"import sys, rlhf_tui.runs.supervisor, rlhf_tui.runs.worker; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
