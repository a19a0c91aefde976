"""`rlhf-tui stats`: figures for people and for scripts, sentences where there are none."""

from __future__ import annotations

import re
import time

import msgspec
import pytest
from helpers.cli import Cli, refused
from helpers.hubs import ingest, tasks

from rlhf_tui.cli.stats import say_report
from rlhf_tui.evaluation import wording
from rlhf_tui.evaluation.report import (
    AnnotatorStats,
    CurvePoint,
    Figure,
    LearningCurve,
    Period,
    Report,
)
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Lease, Leased, Submit, Submitted
from rlhf_tui.records import Event, new_event_id
from rlhf_tui.workspace import Workspace


def judge(workspace: Workspace, name: str) -> None:
    """Rank all there is in the order of the ids."""
    with HubClient(workspace, as_name=name) as client:
        while items := client.call(Lease(kind="rank", limit=10), Leased).items:
            events = []
            for item in items:
                shown = [one.completion_id for one in item.completions]
                event = Event(new_event_id(), "judge", item.task.task_id, shown=shown)
                tiers = [sorted(shown).index(one) + 1 for one in shown]
                now = time.time_ns() // 1_000_000
                more = {"tiers": tiers, "active_ms": 9_000, "created_ms": now}
                events.append(msgspec.structs.replace(event, **more))
            client.call(Submit(events), Submitted)


def test_without_judgements_it_says_what_to_do(cli: Cli) -> None:
    refused(cli("stats"), 6, "Nobody has ranked anything yet.", "hint: ", "rlhf-tui label")
    refused(cli("stats", "--kind", "thumbs"), 6, "thumb", "--mode thumbs")
    refused(cli("stats", "--annotator", "ann"), 2, "'ann'")
    empty = cli("stats", "--json").ok().json
    assert empty["computed_ms"] > 0
    # Nothing is left out for being zero or unknown: a script finds every name.
    assert empty["judgements"] == 0
    assert empty["remaining_hours"] is None


def test_figures_for_people_and_for_scripts(cli: Cli, workspace: Workspace) -> None:
    batch = tasks(6, overlap=3)
    batch.tasks = [msgspec.structs.replace(task, gold=None) for task in batch.tasks]
    ingest(workspace, batch)
    judge(workspace, "ann")
    judge(workspace, "bob")
    report = cli("stats", "--json").ok().json
    assert report["agreement"][0]["name"] == "raw agreement"
    assert (report["agreement"][0]["value"], report["agreement"][0]["cases"]) == (1.0, 18)
    assert [one["annotator"] for one in report["annotators"]] == ["ann", "bob"]
    shown = cli("stats").ok().out
    assert "12 rankings; 18 wanted on 6 items, 6 still to do." in shown
    assert re.search(r"^raw agreement +1\.00 +0\.\d\d to 1\.00 +18 cases$", shown, re.MULTILINE)
    assert re.search(r"^ann +6 +9\.0 s +400 +1\.00 ", shown, re.MULTILINE)
    assert "ties, unranked and unsure are left out" in shown.replace("\n  ", " ")
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    one = cli("stats", "--annotator", "bob").ok().out
    assert re.search(r"^agrees with others +1\.00", one, re.MULTILINE)
    assert "ann" not in one.split()
    assert cli("stats", "--annotator", "bob", "--json").ok().json["judgements"] == 6
    refused(cli("stats", "--annotator", "bbo"), 2, "'bbo'", "Did you mean 'bob'?")


def everything() -> Report:
    name = "[bold]\x1b]52;c;aGk=\x07 a name that is longer than any person has been called \u202e"
    figure = Figure("first shown wins", 0.5, 0.4, 0.6, 12_345, "Ties are left out. " * 8)
    return Report(
        tasks=9,
        judgements=12_345,
        wanted=20_000,
        remaining=7_655,
        remaining_hours=31.0,
        labelling_lately=4,
        agreement=[figure, Figure("Kendall's tau-b", rule="None could be told.")],
        bias=[figure],
        annotators=[
            AnnotatorStats(
                name,
                judgements=12_345,
                median_active_ms=61_000,
                per_hour=1234.5,
                others=figure,
                gold=figure,
                self_consistency=figure,
                first_shown=figure,
                longer=figure,
                reliability=0.9,
            )
        ],
        periods=[Period(0, 5, 0.5, 0.5, 0.5, 9_000), Period(86_400_000, 5)],
        selection=[figure],
        curve=LearningCurve("rm-0003", [CurvePoint(100, 50, 0.6, 0.5, 0.7)], "They help."),
        notes=["A note. " * 20],
        computed_ms=1_700_000_000_000,
    )


def test_all_of_it_fits_eighty_columns_and_no_name_acts_on_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_report(everything())
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]" in shown
    for words in (
        "About 31 hours",
        "7.8 hours for each of the 4",
        "DRIFT",
        "They help.",
        "rm-0003",
    ):
        assert words in shown
    assert re.search(r"^Kendall's tau-b +- +0 cases$", shown, re.MULTILINE)


def test_little_work_left_is_a_sentence_too() -> None:
    report = Report(tasks=2, judgements=1, wanted=2, remaining=1, remaining_hours=0.002)
    assert wording.progress(report)[1] == "Less than a minute of work at the median pace."
    half = Report(tasks=2, judgements=1, wanted=2, remaining=1, remaining_hours=0.5)
    assert wording.progress(half)[1] == "About 30 minutes of work at the median pace."
