"""Statistics through a real hub: shared, kept, and to each what they may see."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, tasks

from rlhf_tui.errors import HubError, InputError
from rlhf_tui.evaluation.report import (
    AnnotatorStats,
    CurvePoint,
    Figure,
    LearningCurve,
    Period,
    Report,
)
from rlhf_tui.evaluation.worked import Worked
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Ingest, Lease, Leased, Stats, StatsAnswer, Submit, Submitted
from rlhf_tui.hub.statistics import CURVE, newest_curve, own_report
from rlhf_tui.records import Event, Task, new_event_id
from rlhf_tui.runs.layout import write_atomic
from rlhf_tui.workspace import Workspace


def without_gold(batch: Ingest) -> Ingest:
    batch.tasks = [msgspec.structs.replace(task, gold=None) for task in batch.tasks]
    return batch


def rank(client: HubClient, count: int, *, backwards: bool = False) -> list[Task]:
    """Judge `count` rankings by the order of their ids, or against it."""
    done: list[Task] = []
    while len(done) < count:
        items = client.call(Lease(kind="rank", limit=count - len(done)), Leased).items
        assert items, "the items ran out"
        events = []
        for item in items:
            shown = [completion.completion_id for completion in item.completions]
            order = sorted(shown, reverse=backwards)
            events.append(
                Event(
                    new_event_id(),
                    "judge",
                    item.task.task_id,
                    shown=shown,
                    tiers=[order.index(name) + 1 for name in shown],
                    active_ms=6_000,
                    wall_ms=9_000,
                    created_ms=time.time_ns() // 1_000_000,
                )
            )
            done.append(item.task)
        client.call(Submit(events), Submitted)
    return done


def stats(client: HubClient, **options: object) -> Report:
    return client.call(Stats(**options), StatsAnswer).report  # type: ignore[arg-type]


def figure(figures: list[Figure], name: str) -> Figure:
    return next(figure for figure in figures if figure.name == name)


def test_before_anyone_has_judged_it_says_what_there_is_to_do(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        assert stats(client, max_age_s=0).tasks == 0
        ingest(workspace, without_gold(tasks(3, overlap=2)))
        report = stats(client, max_age_s=0)
    assert (report.tasks, report.wanted, report.remaining, report.judgements) == (3, 6, 6, 0)
    assert report.remaining_hours is None
    assert report.annotators == report.agreement == []


def test_two_people_agree_with_each_other_and_a_third_with_neither(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, without_gold(tasks(12, overlap=3)))
    for name in ("ann", "bob", "cy"):
        with HubClient(workspace, as_name=name) as client:
            rank(client, 12 if name != "cy" else 6, backwards=name == "cy")
    with HubClient(workspace) as client:
        report = stats(client, max_age_s=0)
    raw = report.agreement[0]
    # ann and bob meet on 36 pairs and agree; cy meets each of them on 18 and never does.
    assert (raw.name, raw.cases, raw.value) == ("raw agreement", 72, 0.5)
    assert raw.low is not None
    assert raw.high is not None
    assert 0.2 < raw.low < 0.5 < raw.high < 0.8
    assert figure(report.agreement, "Cohen's kappa: ann, bob").value == 1.0
    assert figure(report.agreement, "Cohen's kappa: ann, cy").value == -1.0
    assert (report.judgements, report.remaining) == (30, 6)
    assert report.remaining_hours == pytest.approx(6 * 6_000 / 3_600_000)
    assert report.labelling_lately == 3
    by_name = {one.annotator: one for one in report.annotators}
    assert by_name["ann"].others is not None
    assert by_name["ann"].others.value == pytest.approx(36 / 54)
    assert by_name["cy"].per_hour == pytest.approx(600)
    assert by_name["cy"].wall_ms == 6 * 9_000


def test_figures_follow_the_log_and_those_who_ask_at_once_share_a_computation(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, without_gold(tasks(8)))
    with HubClient(workspace, as_name="ann") as client:
        rank(client, 3)
        first = stats(client, max_age_s=0)
        assert first.annotators[0].judgements == 3
        # Nothing has changed: the same figures, not only equal ones.
        assert stats(client, max_age_s=0).computed_ms == first.computed_ms
        rank(client, 2)
        assert stats(client, max_age_s=3600).computed_ms == first.computed_ms

        def ask(_: int) -> Report:
            with HubClient(workspace) as other:
                return stats(other, max_age_s=0)

        with ThreadPoolExecutor(8) as pool:
            reports = list(pool.map(ask, range(8)))
    assert {report.annotators[0].judgements for report in reports} == {5}
    assert len({report.computed_ms for report in reports}) == 1


def test_a_computation_that_fails_is_a_sentence_and_the_next_one_is_tried(
    start_hub: Callable[..., HubProcess],
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "broken"
    (broken / "statsmodels").mkdir(parents=True)
    (broken / "statsmodels" / "__init__.py").write_text("raise ImportError('no statsmodels')\n")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(broken))
        start_hub()
    ingest(workspace, without_gold(tasks(2)))
    with HubClient(workspace) as client:
        rank(client, 1)
        with pytest.raises(HubError, match="no statsmodels"):
            stats(client, max_age_s=0)
        (broken / "statsmodels" / "__init__.py").unlink()
        (broken / "statsmodels").rmdir()
        assert stats(client, max_age_s=0).judgements == 1


def test_an_annotator_sees_their_own_figures_and_no_one_elses() -> None:
    ann, bob = (AnnotatorStats(name, judgements=7) for name in ("ann", "bob"))
    report = Report(
        tasks=9,
        wanted=18,
        judgements=14,
        remaining=4,
        remaining_hours=2.0,
        agreement=[Figure("Cohen's kappa: ann, bob", 0.5)],
        bias=[Figure("first shown wins", 0.5)],
        annotators=[ann, bob],
        periods=[Period(0, 3)],
        selection=[Figure("informative: people disagree", 0.5)],
        curve=LearningCurve("rm-0001", [], "More labels help."),
        notes=["bob is quick."],
    )
    told = msgspec.structs.replace(ann, reliability=0.5)
    seen = own_report(Worked(report, {"ann": told, "bob": bob}), "ann")
    assert seen.annotators == [told]
    assert "bob" not in msgspec.json.encode(seen).decode()
    assert not (seen.agreement or seen.bias or seen.periods or seen.selection)
    assert seen.notes == ["Counts over everybody are told in whole 10s."]
    assert seen.curve is None
    # Four are left, at half an hour each; told as ten.
    assert (seen.tasks, seen.wanted, seen.remaining, seen.remaining_hours) == (9, 18, 10, 5.0)
    assert seen.judgements == 10
    done = msgspec.structs.replace(report, judgements=18, remaining=0, remaining_hours=0.0)
    seen = own_report(Worked(done, {}), "ann")
    assert (seen.judgements, seen.remaining, seen.remaining_hours) == (18, 0, 0.0)
    assert seen.notes == []
    assert own_report(Worked(report, {"bob": bob}), "eve").annotators == []


def test_the_newest_run_with_a_learning_curve_is_taken(tmp_path: Path) -> None:
    runs = [tmp_path / f"rm-000{number}" for number in (3, 2, 1)]
    for run in runs:
        run.mkdir()
    assert newest_curve(runs) is None
    curves = [
        LearningCurve(run.name, [CurvePoint(100, 50, 0.7, 0.6, 0.8)], "They help.") for run in runs
    ]
    write_atomic(runs[1] / CURVE, curves[1])
    write_atomic(runs[2] / CURVE, curves[2])
    assert newest_curve(runs) == curves[1]
    (runs[1] / CURVE).write_text("{")
    with pytest.raises(InputError, match=r"learning_curve\.json cannot be read"):
        newest_curve(runs)
