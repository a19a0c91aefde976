"""Figures of small worlds against numbers worked out by hand."""

from __future__ import annotations

import itertools
import random
import warnings
from pathlib import Path

import msgspec
import numpy as np
import pytest
from evaluation.world import World, named, person

from rlhf_tui.evaluation import rankings
from rlhf_tui.evaluation.agreement import pairwise_agreement
from rlhf_tui.evaluation.intervals import effective_cases, jackknife, share
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.records import Event, Written, new_event_id

HOUR = 3_600_000
DAY = 24 * HOUR
BEGIN = 1_700_000_000_000


def told(figure: Figure | None) -> tuple[float | None, int]:
    assert figure is not None
    return figure.value, figure.cases


# --- intervals ------------------------------------------------------------------------------


def test_of_independent_cases_the_interval_is_wilsons() -> None:
    # R: prop.test(7, 10, correct = FALSE)
    figure = share("x", np.array([1] * 7 + [0] * 3), np.arange(10), "")
    assert figure.low == pytest.approx(0.3967781, abs=1e-6)
    assert figure.high == pytest.approx(0.8922087, abs=1e-6)


def test_cases_that_hang_together_count_as_fewer() -> None:
    hit = np.repeat([1, 0, 1, 1, 0, 1, 0, 1, 1, 1], 6)
    items = np.repeat(np.arange(10), 6)
    assert effective_cases(hit, np.arange(60)) == pytest.approx(60)
    # Six copies of one answer tell about as much as one.
    assert 8 < effective_cases(hit, items) < 11
    together, apart = share("x", hit, items, ""), share("x", hit, np.arange(60), "")
    assert together.value == apart.value
    assert together.low is not None
    assert apart.low is not None
    assert together.low < apart.low - 0.1


def test_all_alike_is_no_certainty() -> None:
    figure = share("x", np.ones(12), np.repeat([1, 2], 6), "")
    assert (figure.value, figure.high) == (1.0, 1.0)
    assert figure.low == pytest.approx(0.342, abs=1e-3)  # two of two


def test_no_cases_no_figure() -> None:
    assert share("x", np.empty(0), np.empty(0), "rule") == Figure("x", rule="rule")
    assert jackknife("x", lambda _: 1.0, np.empty(0), 0, "rule") == Figure("x", rule="rule")


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0, 6.0])
    figure = jackknife(
        "x", lambda mask: float(values[mask].mean()), np.arange(5), 5, "", (-99.0, 99.0)
    )
    # Standard error √(6.5 / 5), times 2.7764 of Student's t with 4 degrees of freedom.
    assert figure.value == 4.0
    assert figure.low == pytest.approx(4 - 3.1656, abs=1e-4)
    assert figure.high == pytest.approx(4 + 3.1656, abs=1e-4)


# --- agreement ------------------------------------------------------------------------------


def test_ties_unranked_and_unsure_are_left_out_of_raw_agreement(tmp_path: Path) -> None:
    world = World()
    for name in ("t1", "t2", "t3"):
        world.task(name, "abc", overlap=2)
    # ab against ba; ac and bc alike; shown in different orders.
    world.ranks("ann", "t1", "a>b>c", shown="cab")
    world.ranks("bob", "t1", "b>a>c", shown="bca")
    # Only bc is decided by both: bob ties a with b, and ann leaves nothing out.
    world.ranks("ann", "t2", "a>b>c")
    world.ranks("bob", "t2", "a=b")
    world.ranks("ann", "t3", "a>b>c", unsure=True)
    world.ranks("bob", "t3", "a>b>c")
    agreement = world.worked(tmp_path).report.agreement
    assert told(named(agreement, "raw agreement")) == (pytest.approx(2 / 3), 3)
    # Of 3 + 3 + 3 + 1 + 3 ranked pairs one is a tie; those of the unsure ranking are no votes.
    assert told(named(agreement, "ties")) == (pytest.approx(1 / 13), 13)
    assert "ties, unranked and unsure are left out" in named(agreement, "raw agreement").rule


def test_what_the_ids_are_does_not_matter_to_kappa(tmp_path: Path) -> None:
    """9 of 10 alike: kappa 0.8, also where the better one always has the smaller id."""
    values = []
    for place, better in (("one", "ab" * 5), ("other", "a" * 10)):
        world = World()
        for number, first in enumerate(better):
            second = "b" if first == "a" else "a"
            world.task(f"t{number}", overlap=2)
            world.ranks("ann", f"t{number}", f"{first}>{second}")
            same = f"{first}>{second}" if number else f"{second}>{first}"
            world.ranks("bob", f"t{number}", same)
        (tmp_path / place).mkdir()
        values.append(world.worked(tmp_path / place).report.agreement)
    for agreement in values:
        assert named(agreement, "Cohen's kappa").value == pytest.approx(0.8)
        assert named(agreement, "Fleiss' kappa").value == pytest.approx(0.8)
        assert named(agreement, "raw").value == pytest.approx(0.9)


def test_three_people_rank_four(tmp_path: Path) -> None:
    world = World()
    world.task("t", "abcd", overlap=3)
    world.ranks("ann", "t", "a>b>c>d")
    world.ranks("bob", "t", "a>b>d>c")
    world.ranks("cy", "t", "a>b>c>d", shown="dcba")
    report = world.worked(tmp_path).report
    # Of 3 · 6 meetings ann-bob and bob-cy differ on one each; taus are 4/6, 1 and 4/6.
    assert told(named(report.agreement, "raw agreement")) == (pytest.approx(16 / 18), 18)
    tau = named(report.agreement, "Kendall's tau-b")
    assert told(tau) == (pytest.approx((4 / 6 + 1 + 4 / 6) / 3), 3)
    assert told(person(report, "bob").others) == (pytest.approx(10 / 12), 12)
    # Units a (1,1,1), b (2,2,2), c (3,4,3), d (4,3,4); ordinal distances by Krippendorff 2011:
    # d(3,4)² = (3/2 + 3/2)² = 9; observed 4 ordered pairs of it · 1/2 in each unit, over 12.
    observed = (2 * (4 / 2) * 9) / 12
    between = {1: 3**2, 2: 6**2, 3: 9**2}
    expected = sum(between[abs(i - j)] * 3 * 3 for i in range(4) for j in range(4) if i != j) / (
        12 * 11
    )
    alpha = named(report.agreement, "Krippendorff's alpha, ordinal, 4")
    assert told(alpha) == (pytest.approx(1 - observed / expected), 4)


def test_rankings_of_different_sizes_have_an_alpha_each(tmp_path: Path) -> None:
    world = World()
    for number, letters in enumerate(["ab", "ab", "abc", "abc"]):
        world.task(f"t{number}", letters, overlap=2)
        for who in ("ann", "bob"):
            world.ranks(who, f"t{number}", ">".join(letters if number % 2 else reversed(letters)))
    agreement = world.worked(tmp_path).report.agreement
    assert told(named(agreement, "Krippendorff's alpha, ordinal, 2")) == (1.0, 4)
    assert told(named(agreement, "Krippendorff's alpha, ordinal, 3")) == (1.0, 6)


def test_gold_items_and_repeats_are_no_agreement_between_people(tmp_path: Path) -> None:
    world = World()
    world.task("t", overlap=2)
    world.task("g", gold={"a": 1, "b": 2})
    world.task("r", repeat_of="t")
    for name in ("t", "g"):
        world.ranks("ann", name, "a>b")
        world.ranks("bob", name, "b>a" if name == "t" else "a>b")
    world.ranks("ann", "r", "a>b", shown="ba")
    report = world.worked(tmp_path).report
    assert told(named(report.agreement, "raw agreement")) == (0.0, 1)
    assert (report.tasks, report.judgements, report.wanted) == (1, 2, 2)
    assert person(report, "ann").judgements == 3


def test_a_random_world_agrees_with_counting_in_plain_python(tmp_path: Path) -> None:
    draw = random.Random(11)
    world = World()
    for number in range(60):
        letters = "abcdef"[: draw.randint(2, 6)]
        world.task(f"t{number:02}", letters, overlap=4)
        for who in ("ann", "bob", "cy", "dee"):
            if draw.random() < 0.3:
                continue
            shown = draw.sample(letters, len(letters))
            tiers = [draw.choice([None, 1, 2, 3]) for _ in letters]
            world.events.append(
                Event(
                    new_event_id(),
                    "judge",
                    f"t{number:02}",
                    who,
                    shown=[f"t{number:02}-{letter}" for letter in shown],
                    tiers=tiers,
                )
            )
    report = world.worked(tmp_path).report
    counted = pairwise_agreement(world.events)
    pairs = sum(one.pairs for one in counted)
    agreed = sum(one.agreed for one in counted)
    assert pairs > 100
    assert told(named(report.agreement, "raw agreement")) == (pytest.approx(agreed / pairs), pairs)
    mine = [one for one in counted if "cy" in (one.first, one.second)]
    assert told(person(report, "cy").others) == (
        pytest.approx(sum(one.agreed for one in mine) / sum(one.pairs for one in mine)),
        sum(one.pairs for one in mine),
    )
    won = [
        first < second
        for event in world.events
        for first, second in itertools.combinations(event.tiers, 2)
        if first is not None and second is not None and first != second
    ]
    assert told(named(report.bias, "first shown wins")) == (
        pytest.approx(sum(won) / len(won)),
        len(won),
    )


def test_what_people_wrote_themselves_wins_nothing(tmp_path: Path) -> None:
    world = World()
    world.task("t", overlap=2)
    world.ranks(
        "ann",
        "t",
        "a>b",
        shown="ba",
    )
    mine = world.events[0]
    world.events[0] = msgspec.structs.replace(
        mine,
        shown=["edit", *mine.shown],
        tiers=[1, 3, 2],
        written=[Written("edit", "better", parent="t-a")],
    )
    world.ranks("bob", "t", "a>b")
    report = world.worked(tmp_path).report
    assert told(named(report.agreement, "raw agreement")) == (1.0, 1)
    assert told(named(report.bias, "first shown wins")) == (0.5, 2)


def test_of_very_many_rankings_an_even_selection_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankings, "MOST_UNITS", 30)
    monkeypatch.setattr(rankings, "MOST_PAIRS", 10)
    world = World()
    for number in range(40):
        world.task(f"t{number:02}", "abc", overlap=2)
        world.ranks("ann", f"t{number:02}", "a>b>c")
        world.ranks("bob", f"t{number:02}", "a>b>c" if number % 8 else "c>b>a")
    agreement = world.worked(tmp_path).report.agreement
    alpha, tau = named(agreement, "Krippendorff"), named(agreement, "Kendall")
    # Every fourth item of either: 0, 4, 8 …, half of them alike.
    assert (alpha.cases, tau.cases) == (30, 10)
    assert tau.value == pytest.approx(0.0)


# --- people ---------------------------------------------------------------------------------


def test_a_person_against_the_known_answers(tmp_path: Path) -> None:
    world = World()
    world.task("g1", "abc", gold={"a": 1, "b": 2, "c": 2})
    world.task("g2", gold={"a": 2, "b": 1})
    world.ranks("ann", "g1", "a=b>c")  # ab tied: wrong; ac right; bc the answer leaves open
    world.ranks("ann", "g2", "b>a", shown="ba")
    world.ranks("bob", "g1", "c")  # nothing of it is ranked against anything
    report = world.worked(tmp_path).report
    assert told(person(report, "ann").gold) == (pytest.approx(2 / 3), 3)
    assert told(person(report, "bob").gold) == (None, 0)


def test_thumbs_against_the_known_answers(tmp_path: Path) -> None:
    world = World("thumbs")
    for number, good in enumerate([True, True, False]):
        world.task(f"g{number}", "a", gold={"a": 1 if good else 2})
        world.thumb("ann", f"g{number}", number != 0 and good)
    report = world.worked(tmp_path).report
    assert told(person(report, "ann").gold) == (pytest.approx(2 / 3), 3)
    assert person(report, "ann").first_shown is None


def test_a_person_against_themselves(tmp_path: Path) -> None:
    world = World()
    for number in range(3):
        world.task(f"t{number}", "abc")
        world.task(f"r{number}", "abc", repeat_of=f"t{number}")
        world.ranks("ann", f"t{number}", "a>b>c")
    world.ranks("ann", "r0", "a>b>c", shown="cba")
    world.ranks("ann", "r1", "c>b>a", shown="cba")
    world.ranks("ann", "r2", "a=b>c", shown="cba")
    world.ranks("bob", "t0", "c>b>a")
    report = world.worked(tmp_path).report
    assert told(person(report, "ann").self_consistency) == (pytest.approx(5 / 8), 8)
    assert told(person(report, "bob").self_consistency) == (None, 0)


@pytest.mark.parametrize(("items", "seen"), [(9, 0), (10, 10), (19, 10), (20, 20)])
def test_what_people_are_told_of_gold_and_repeats_moves_in_tens(
    tmp_path: Path, items: int, seen: int
) -> None:
    world = World()
    for number in range(items):
        world.task(f"g{number:02}", gold={"a": 1, "b": 2})
        world.ranks("ann", f"g{number:02}", "a>b" if number < 10 else "b>a")
        world.task(f"t{number:02}")
        world.ranks("ann", f"t{number:02}", "a>b")
    for number in range(items):
        world.task(f"r{number:02}", repeat_of=f"t{number:02}")
        world.ranks("ann", f"r{number:02}", "a>b" if number < 10 else "b>a", shown="ba")
    worked = world.worked(tmp_path)
    share_of_ten = None if not seen else 10 / seen
    own = worked.own["ann"]
    assert told(own.gold) == told(own.self_consistency) == (share_of_ten, seen)
    assert told(person(worked.report, "ann").gold)[1] == items
    assert own.others == person(worked.report, "ann").others


def test_no_figure_of_ones_own_stands_still_on_single_items(tmp_path: Path) -> None:
    """Agreement with others leaves out gold items, position and length leave out repeats: told
    exactly, they would move with all items but those."""
    own = {}
    for count in (19, 20):
        world = World()
        for number in range(count):
            world.task(f"t{number:02}", overlap=2, lengths={"a": 9})
            world.ranks("bob", f"t{number:02}", "a>b")
            world.ranks("ann", f"t{number:02}", "a>b" if number < 10 else "b>a")
        (tmp_path / str(count)).mkdir()
        worked = world.worked(tmp_path / str(count))
        own[count] = worked.own["ann"]
        assert told(person(worked.report, "ann").others)[1] == count
    for figures, seen, value in ((own[19], 10, 1.0), (own[20], 20, 0.5)):
        assert told(figures.others) == (value, seen)
        assert told(figures.first_shown) == told(figures.longer) == (value, seen)
        assert figures.judgements >= seen


def test_ai_annotators_are_told_apart_from_people(tmp_path: Path) -> None:
    world = World()
    world.ai = ["robot"]
    for number in range(4):
        world.task(f"t{number}", overlap=3)
        world.ranks("ann", f"t{number}", "a>b")
        world.ranks("bob", f"t{number}", "a>b" if number else "b>a")
        world.ranks("robot", f"t{number}", "b>a")
    report = world.worked(tmp_path).report
    assert [(one.annotator, one.kind) for one in report.annotators] == [
        ("ann", "human"),
        ("bob", "human"),
        ("robot", "ai"),
    ]
    # Alike are three of four of ann and bob, none of ann and robot, one of bob and robot.
    assert told(report.agreement[0]) == (pytest.approx(4 / 12), 12)
    assert told(named(report.agreement, "raw agreement, people alone")) == (0.75, 4)
    assert told(named(report.agreement, "raw agreement, people with AI")) == (0.125, 8)
    assert any(note.startswith("robot: no people but AI.") for note in report.notes)


def test_dawid_and_skene_tell_who_is_reliable(tmp_path: Path) -> None:
    world = World()
    for number in range(30):
        world.task(f"t{number:02}", overlap=4)
        for who in ("ann", "bob", "cy"):
            world.ranks(who, f"t{number:02}", "a>b" if number % 2 else "b>a")
        world.ranks("eve", f"t{number:02}", "a>b" if number % 3 else "b>a")
    world.task("late", overlap=2)
    world.ranks("new", "late", "a>b")
    report = world.worked(tmp_path).report
    reliability = {one.annotator: one.reliability for one in report.annotators}
    assert reliability["ann"] == pytest.approx(1.0, abs=0.01)
    assert reliability["eve"] == pytest.approx(0.5, abs=0.01)
    assert reliability["new"] is None
    assert not any("Dawid" in note for note in report.notes)


def test_two_people_have_no_reliability_and_a_note_says_why(tmp_path: Path) -> None:
    world = World()
    for number in range(20):
        world.task(f"t{number:02}", overlap=2)
        for who in ("ann", "bob"):
            world.ranks(who, f"t{number:02}", "a>b" if number % 2 else "b>a")
    report = world.worked(tmp_path).report
    assert [one.reliability for one in report.annotators] == [None, None]
    assert any("needs 3 people" in note for note in report.notes)


# --- bias -----------------------------------------------------------------------------------


def test_place_and_length_with_a_coefficient_worked_out_by_hand(tmp_path: Path) -> None:
    """With two values of one covariate the fit is the two log-odds: the first shown wins 30 of
    40 when it is 100 characters longer, 15 of 40 when it is as much shorter."""
    world = World()
    for number in range(80):
        name, longer = f"t{number:02}", number < 40
        wins = number < 30 or 40 <= number < 55
        world.task(name, lengths={"a": 110 if longer else 10, "b": 10 if longer else 110})
        world.ranks("ann", name, "a>b" if wins else "b>a", shown="ab")
    report = world.worked(tmp_path).report
    assert told(named(report.bias, "first shown wins")) == (45 / 80, 80)
    assert told(named(report.bias, "longer wins")) == ((30 + 25) / 80, 80)
    up, down = np.log(30 / 10), np.log(15 / 25)
    first, slope = report.bias[2:]
    assert first.name == "log-odds for the first shown"
    assert first.value == pytest.approx((up + down) / 2, abs=1e-4)
    assert slope.name == "log-odds per 100 characters longer"
    assert slope.value == pytest.approx((up - down) / 2, abs=1e-4)
    # By the delta method the standard error is half of √(1/30 + 1/10 + 1/15 + 1/25).
    error = 0.5 * np.sqrt(1 / 30 + 1 / 10 + 1 / 15 + 1 / 25)
    assert slope.low is not None
    assert slope.value is not None
    assert slope.value - slope.low == pytest.approx(1.96 * error, rel=0.03)
    assert told(person(report, "ann").longer) == (55 / 80, 80)


def test_the_order_shown_counts_not_the_order_of_ids(tmp_path: Path) -> None:
    world = World()
    world.task("t", "abc", lengths={"a": 1, "b": 2, "c": 2})
    world.ranks("ann", "t", "c>b>a", shown="cba")
    report = world.worked(tmp_path).report
    assert told(named(report.bias, "first shown wins")) == (1.0, 3)
    assert told(named(report.bias, "longer wins")) == (1.0, 2)  # b and c are equally long


@pytest.mark.parametrize(
    ("longer_wins", "reason"), [(40, "length decides all"), (0, "length decides all")]
)
def test_separation_is_a_sentence_and_no_warning(
    tmp_path: Path, longer_wins: int, reason: str
) -> None:
    world = World()
    for number in range(40):
        lengths = {"a": 10 + number, "b": 200}
        world.task(f"t{number:02}", lengths=lengths)
        shown = "ab" if number % 2 else "ba"
        winner = "b>a" if number < longer_wins else "a>b"
        world.ranks("ann", f"t{number:02}", winner, shown=shown)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = world.worked(tmp_path).report
    assert named(report.bias, "longer wins").value == longer_wins / 40
    assert [(one.value, one.cases) for one in report.bias[2:]] == [(None, 40), (None, 40)]
    assert any(reason in note for note in report.notes)


def test_too_few_pairs_for_a_coefficient_say_so(tmp_path: Path) -> None:
    world = World()
    world.task("t")
    world.ranks("ann", "t", "a>b")
    report = world.worked(tmp_path).report
    assert report.bias[3].value is None
    assert any("too few cases" in note for note in report.notes)


def test_thumbs_have_a_coefficient_of_length(tmp_path: Path) -> None:
    world = World("thumbs")
    for number in range(80):
        world.task(f"t{number:02}", "a", lengths={"a": 210 if number < 40 else 10})
        world.thumb("ann", f"t{number:02}", number < 30 or 40 <= number < 55)
    slope = world.worked(tmp_path).report.bias[0]
    assert slope.name == "log-odds of a thumb up per 100 characters more"
    assert slope.value == pytest.approx((np.log(3) - np.log(0.6)) / 2, abs=1e-4)


# --- time -----------------------------------------------------------------------------------


def test_pace_and_what_is_left(tmp_path: Path) -> None:
    world = World()
    for number in range(6):
        world.task(f"t{number}", overlap=2)
    for number, seconds in enumerate([10, 20, 60]):
        world.ranks("ann", f"t{number}", "a>b", active_ms=seconds * 1000, wall_ms=90_000)
    world.ranks("bob", "t0", "a>b")  # imported: no time was measured
    world.does("bob", "skip", "t1")
    world.does("bob", "flag", "t2")
    world.does("bob", "flag", "t2")
    report = world.worked(tmp_path).report
    ann, bob = person(report, "ann"), person(report, "bob")
    assert (ann.judgements, ann.active_ms, ann.median_active_ms) == (3, 90_000, 20_000)
    assert ann.per_hour == pytest.approx(3 / (90 / 3600))
    assert ann.wall_ms == 270_000
    assert (bob.judgements, bob.skipped, bob.flagged, bob.per_hour) == (1, 1, 1, None)
    assert (report.wanted, report.remaining) == (12, 8)
    assert report.remaining_hours == pytest.approx(8 * 20 / 3600)


def test_a_judgement_beyond_the_wanted_overlap_fills_no_other(tmp_path: Path) -> None:
    world = World()
    world.task("t1")
    world.task("t2")
    world.ranks("ann", "t1", "a>b")
    world.ranks("bob", "t1", "a>b")
    report = world.worked(tmp_path).report
    assert (report.wanted, report.judgements, report.remaining) == (2, 2, 1)


def test_what_was_revised_or_retracted_counts_as_it_stands(tmp_path: Path) -> None:
    world = World()
    world.task("t1")
    world.task("t2")
    world.ranks("ann", "t1", "a>b")
    world.ranks("ann", "t1", "b>a", kind="revise")
    world.ranks("bob", "t1", "b>a")
    world.ranks("bob", "t2", "b>a")
    world.does("bob", "retract", "t2")
    report = world.worked(tmp_path).report
    assert told(named(report.agreement, "raw agreement")) == (1.0, 1)
    assert report.judgements == 2


def test_drift_by_days(tmp_path: Path) -> None:
    world = World()
    for number in range(4):
        world.task(f"t{number}", overlap=2)
    for number, (day, who, tiers, seconds) in enumerate(
        [
            (0, "ann", "a>b", 4),
            (0, "bob", "a>b", 8),
            (2, "ann", "a>b", 2),
            (0, "bob", "b>a", 8),
        ]
    ):
        world.ranks(
            who,
            f"t{number // 2}",
            tiers,
            shown="ab",
            active_ms=seconds * 1000,
            created_ms=BEGIN + day * DAY,
        )
    first, last = world.worked(tmp_path).report.periods
    assert (first.judgements, last.judgements) == (3, 1)
    assert last.start_ms - first.start_ms == 2 * DAY
    # The second meeting belongs to the day of its later judgement.
    assert (first.agreement, last.agreement) == (1.0, 0.0)
    assert (first.first_shown, last.first_shown) == (pytest.approx(2 / 3), 1.0)
    assert (first.median_active_ms, last.median_active_ms) == (8_000, 2_000)


def test_a_year_is_told_in_blocks_of_weeks(tmp_path: Path) -> None:
    world = World()
    for number in range(13):
        world.task(f"t{number:02}")
        world.ranks("ann", f"t{number:02}", "a>b", created_ms=BEGIN + number * 28 * DAY)
    periods = world.worked(tmp_path).report.periods
    assert [period.judgements for period in periods] == [1] * 13
    assert periods[1].start_ms - periods[0].start_ms == 28 * DAY


# --- choosing -------------------------------------------------------------------------------


def test_chosen_items_against_the_random_control(tmp_path: Path) -> None:
    world = World()
    for number in range(60):
        chosen = number < 30
        world.task(f"t{number:02}", overlap=2)
        differ = number % 3 > 0 if chosen else number % 15 == 0
        why = "informative" if chosen else "control"
        world.ranks("ann", f"t{number:02}", "a>b", selection=why)
        tiers = "b>a" if differ else "a>b"
        world.ranks("bob", f"t{number:02}", tiers, selection=why, unsure=number == 1)
    report = world.worked(tmp_path).report
    assert told(named(report.selection, "informative: people disagree")) == (
        pytest.approx(19 / 29),
        29,
    )
    assert told(named(report.selection, "control: people disagree")) == (pytest.approx(2 / 30), 30)
    assert told(named(report.selection, "informative: unsure")) == (pytest.approx(1 / 60), 60)
    assert any("People disagree more on informative items" in note for note in report.notes)


def test_without_chosen_items_nothing_is_said_of_choosing(tmp_path: Path) -> None:
    world = World()
    world.task("t")
    world.ranks("ann", "t", "a>b", selection="random")
    report = world.worked(tmp_path).report
    assert report.selection == []
    assert not any("informative" in note for note in report.notes)
