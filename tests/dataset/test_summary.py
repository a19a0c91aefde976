"""The numbers of a snapshot: rows, lengths, and agreement as the evaluation has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset.world import Judge, fill

from rlhf_tui.config.options import KTOOptions, Options, RewardOptions, SFTOptions
from rlhf_tui.dataset.snapshot import write_snapshot
from rlhf_tui.dataset.summary import Summary, summary
from rlhf_tui.errors import InputError
from rlhf_tui.evaluation.human_reference import human_reference
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.store.database import Store
from rlhf_tui.training.data import read_rows


def made(store: Store, kind: RunKind, options: Options, directory: Path) -> Summary:
    write_snapshot(store, kind, options, directory)
    return summary(directory)


def reference(directory: Path) -> float | None:
    rows = [
        row
        for name in ("train", "validation")
        for row in read_rows(directory / f"{name}.parquet", [])
    ]
    return human_reference(rows).agreement.value


@pytest.mark.parametrize("aggregate", ["all", "majority"])
def test_agreement_is_that_of_the_evaluation(
    store: Store, judge: Judge, tmp_path: Path, aggregate: str
) -> None:
    fill(store)
    judge("rank0", "ann", tiers=[1, 2, 3])
    judge("rank0", "bob", tiers=[1, 3, 2])
    judge("rank0", "cyd", tiers=[2, 1, 3])
    judge("rank1", "ann", tiers=[1, 1, 2])
    judge("rank1", "bob", tiers=[2, 1, 3])
    judge("rank2", "ann", tiers=[1, 2, 3])
    judge("rank2", "bob", tiers=[1, 2, 3])
    directory = tmp_path / "dataset"
    found = made(store, "rm", RewardOptions(aggregate=aggregate), directory)
    expected = reference(directory)
    assert expected is not None
    assert 0 < expected < 1
    assert found.agreement == pytest.approx(expected)
    assert found.annotators == 3
    assert found.prompts == 2
    assert found.texts == 6
    assert not found.crowded
    assert found.manifest.rows["train"] > 0


def test_thumbs_agree_too(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    judge("thumb0", "ann", thumbs=[True])
    judge("thumb0", "bob", thumbs=[True])
    judge("thumb1", "ann", thumbs=[False])
    judge("thumb1", "bob", thumbs=[True])
    directory = tmp_path / "dataset"
    found = made(store, "kto", KTOOptions(), directory)
    assert found.agreement == pytest.approx(reference(directory)) == pytest.approx(0.5)


def test_demonstrations_have_lengths_and_nobody_to_agree(store: Store, tmp_path: Path) -> None:
    fill(store)
    found = made(store, "sft", SFTOptions(), tmp_path / "dataset")
    assert found.agreement is None
    assert found.annotators == 0
    assert found.characters.texts == found.manifest.rows["train"] == 1
    assert found.characters.mean == found.characters.longest == len("Q0 shown 0")
    assert found.characters.prompt == len("Q0")


def test_one_person_agrees_with_nobody(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store, chat=True)
    judge("rank0", "ann", tiers=[1, 2, 3])
    found = made(store, "rm", RewardOptions(), tmp_path / "dataset")
    assert found.agreement is None
    assert found.annotators == 1
    assert found.characters.mean > 0


def test_no_snapshot_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no snapshot"):
        summary(tmp_path)
