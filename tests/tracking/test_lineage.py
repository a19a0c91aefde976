"""A run's lineage: the right parents, whatever is missing, and also when it makes no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from helpers.recorded import write_run
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.runs.layout import RunArguments, RunKind
from rlhf_tui.tracking.labelled import can_tell, labelled
from rlhf_tui.tracking.lineage import (
    WORKSPACE,
    Known,
    branch,
    flat,
    read_workspace,
    relatives,
    tree,
    with_judged,
)
from rlhf_tui.tracking.manifest import Manifest, Source


def known(
    run_id: str,
    lineage: dict[str, str] | None = None,
    *,
    at: int = 0,
    manifest: Manifest | None = None,
) -> Known:
    kind: RunKind = run_id.partition("-")[0]  # type: ignore[assignment]
    return Known(
        RunArguments(run_id, kind, {}, created_ms=at, lineage=lineage or {}),
        manifest if manifest is not None else Manifest(rows={"train": 10}),
    )


def loop() -> dict[str, Known]:
    """The whole loop: the next reward model is made of what people said of the policy."""
    labelled = Manifest(
        rows={"train": 30, "validation": 4},
        last_seq=99,
        spec={"kind": "preference", "runs": ["generate-0002"]},
    )
    runs = [
        known("sft-0001", at=1),
        known("rm-0001", at=2),
        known("ppo-0001", {"model": "sft-0001", "reward_model": "rm-0001"}, at=3),
        known("generate-0002", {"model": "ppo-0001"}, at=4),
        known("rm-0002", at=5, manifest=labelled),
        known("ppo-0002", {"model": "ppo-0001", "reward_model": "rm-0002"}, at=6),
        known("sft-0009", at=7),
    ]
    return {one.arguments.run_id: one for one in runs}


def drawn(run_id: str, runs: dict[str, Known]) -> list[str]:
    return [
        f"{branch(path, ascii_only=True)}{'*' if node.chosen else ''}{node.name}"
        for path, node in flat(tree(run_id, runs))
    ]


def test_from_prompts_to_the_policy_and_its_completions_that_were_labelled_next() -> None:
    assert drawn("ppo-0002", loop()) == [
        WORKSPACE,
        "|- snapshot of sft-0001",
        "|  `- sft-0001",
        "|     `- ppo-0001",
        "|        |- generate-0002",
        "|        |  `- rm-0002",
        "|        `- *ppo-0002",
        "`- snapshot of rm-0001",
        "   `- rm-0001",
    ]


def test_what_else_a_run_was_made_with_is_told_beside_it() -> None:
    nodes = {node.name: node for _, node in flat(tree("ppo-0002", loop()))}
    assert nodes["ppo-0002"].others == [("reward_model", "rm-0002")]
    assert nodes["ppo-0001"].others == [("reward_model", "rm-0001")]
    assert nodes["rm-0002"].trunk == "labelled"
    assert "30 preference pairs and 4 to validate" in nodes["rm-0002"].told


def test_relatives_are_what_it_comes_from_and_what_came_of_it() -> None:
    runs = loop()
    assert set(relatives("rm-0001", runs)) == {
        "rm-0001", "ppo-0001", "generate-0002", "rm-0002", "ppo-0002",
    }  # fmt: skip
    assert relatives("sft-0009", runs) == ["sft-0009"]
    # Of a descendant's other parents only the name is told.
    nodes = {node.name: node for _, node in flat(tree("rm-0001", runs))}
    assert nodes["ppo-0001"].others == [("model", "sft-0001")]
    assert "sft-0001" not in nodes


def test_a_parent_that_was_deleted_is_said() -> None:
    runs = loop()
    del runs["sft-0001"]
    rows = drawn("ppo-0001", runs)
    assert "sft-0001" in rows
    node = next(node for _, node in flat(tree("ppo-0001", runs)) if node.name == "sft-0001")
    assert node.kind == "missing"
    assert "gone" in node.told
    assert drawn("ghost", runs) == ["*ghost"]


def test_models_and_rewards_that_no_run_made_are_told() -> None:
    bundled = "/opt/site-packages/rlhf_tui/sample_data/model"
    rewards = ["rm-0001=0.5", "my.rewards:short"]
    arguments = {"model": "Qwen/Qwen2.5-0.5B", "reward_model": "/models/rm", "rewards": rewards}
    runs = {
        one.run_id: Known(one)
        for one in (
            RunArguments("sft-0001", "sft", {"model": bundled}),
            RunArguments("rm-0001", "rm", {"model": 3}),
            RunArguments("ppo-0001", "ppo", arguments, lineage={"reward_1": "rm-0001"}),
            RunArguments("ppo-0002", "ppo", {"model": "/w/sft"}, lineage={"model": "sft-0001"}),
        )
    }
    assert runs["sft-0001"].bases == {"model": "sample"}
    nodes = {
        node.name: node
        for run_id in ("ppo-0001", "ppo-0002")
        for _, node in flat(tree(run_id, runs))
    }
    assert nodes["sft-0001"].told == "sft from sample"
    assert nodes["rm-0001"].told == "rm"
    assert nodes["ppo-0001"].told == "ppo from Qwen/Qwen2.5-0.5B"
    assert nodes["ppo-0001"].beside == ["reward model /models/rm", "reward 2 my.rewards:short"]
    assert (nodes["ppo-0002"].told, nodes["ppo-0002"].beside) == ("ppo", [])


def test_a_run_from_a_file() -> None:
    manifest = Manifest(rows={"train": 5}, source=Source(path="/data/pairs.jsonl"))
    runs = {"dpo-0001": known("dpo-0001", manifest=manifest)}
    assert drawn("dpo-0001", runs)[0] == "the file /data/pairs.jsonl"
    bare = Known(RunArguments("sft-0001", "sft", {}))
    assert drawn("sft-0001", {"sft-0001": bare})[0] == "a data set that is not recorded"


@given(
    st.dictionaries(
        st.sampled_from([f"sft-{n}" for n in range(8)]),
        st.dictionaries(
            st.sampled_from(["model", "reward_model", "completions"]),
            st.sampled_from([f"sft-{n}" for n in range(10)]),
        ),
        min_size=1,
    )
)
def test_every_relative_stands_in_the_tree_once_also_where_they_run_in_circles(
    parents: dict[str, dict[str, str]],
) -> None:
    runs = {run_id: known(run_id, lineage) for run_id, lineage in parents.items()}
    for run_id in runs:
        names = [n.name for _, n in flat(tree(run_id, runs)) if n.kind in ("run", "missing")]
        assert sorted(names) == sorted(relatives(run_id, runs))


def test_directories_that_are_broken_are_left_out(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "sft-0001", kind="sft", steps=2)
    (directory / "dataset").mkdir()
    (directory / "dataset" / "manifest.json").write_text('{"rows": 7')
    (tmp_path / "junk").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "args.json").write_text("{")
    (tmp_path / "file").write_text("x")
    found = read_workspace(tmp_path)
    assert list(found) == ["sft-0001"]
    assert found["sft-0001"].manifest is None
    (directory / "dataset" / "manifest.json").write_text(
        json.dumps({"rows": {"train": 3}, "last_seq": 4, "of_a_later_version": [1]})
    )
    manifest = read_workspace(tmp_path)["sft-0001"].manifest
    assert manifest is not None
    assert manifest.rows == {"train": 3}
    assert read_workspace(tmp_path / "nowhere") == {}


def test_completions_that_were_judged_are_known_by_their_ids(tmp_path: Path) -> None:
    """Which labels made a reward model: those of completions that a run here wrote."""
    for run_id in ("generate-0001", "generate-0002", "generate-0003"):
        directory = write_run(tmp_path, run_id, kind="generate", steps=1)
        ids = [f"c-{run_id}-{n}" for n in range(3)]
        lines = "".join(json.dumps({"completion_id": one, "text": "x"}) + "\n" for one in ids)
        (directory / "completions.jsonl").write_text(f"{lines}half a li")
    directory = write_run(tmp_path, "rm-0001", kind="rm", steps=1)
    (directory / "dataset").mkdir()
    spec = {"kind": "preference"}
    (directory / "dataset" / "manifest.json").write_text(json.dumps({"spec": spec}))
    known = read_workspace(tmp_path)
    assert can_tell(tmp_path, known)
    assert labelled(tmp_path, known) == {"rm-0001": []}
    pairs = {
        "chosen_id": ["c-generate-0003-1", "imported"],
        "rejected_id": ["c-generate-0001-0", "imported too"],
    }
    pq.write_table(pa.table(pairs), directory / "dataset" / "train.parquet")
    (directory / "dataset" / "validation.parquet").write_text("cut short")
    found = labelled(tmp_path, known)
    assert found == {"rm-0001": ["generate-0001", "generate-0003"]}
    nodes = {n.name: n for _, n in flat(tree("rm-0001", with_judged(known, found)))}
    assert nodes["rm-0001"].trunk == "labelled"
    assert nodes["rm-0001"].beside == ["labels also of generate-0003"]
    assert "generate-0002" not in nodes


def test_many_runs_that_were_labelled_are_not_all_named() -> None:
    judged = [f"generate-000{n}" for n in range(6)]
    runs = {one: known(one, at=n) for n, one in enumerate(judged)}
    runs["dpo-0001"] = known("dpo-0001", {"model": "sft-0001"}, at=9)
    nodes = {n.name: n for _, n in flat(tree("dpo-0001", with_judged(runs, {"dpo-0001": judged})))}
    assert nodes["dpo-0001"].beside == [
        "labels of generate-0000, generate-0001, generate-0002 and 3 more"
    ]
    assert not can_tell(Path("/nowhere"), runs)
