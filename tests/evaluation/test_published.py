"""Agreement coefficients against worked examples that were published.

Where the example has the form of judgements it is taken the whole way, through the store.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from evaluation.world import World, named

from rlhf_tui.evaluation import kappa

# Fleiss 1971, table 1: 30 patients, 6 psychiatrists each; depression, personality disorder,
# schizophrenia, neurosis, other.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section E: 4 observers.
KRIPPENDORFF_2011 = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
# Hollander & Wolfe 1973, p. 187: lightness of canned tuna, and what a panel said of its quality.
LIGHTNESS = (44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1)
PANEL = (2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8)


def test_fleiss_kappa_of_the_psychiatric_diagnoses() -> None:
    table = np.array([[int(digit) for digit in row] for row in FLEISS_1971.split()])
    assert table.shape == (30, 5)
    value = kappa.fleiss(table)
    assert value is not None
    assert round(value, 3) == 0.430


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_krippendorffs_alpha_with_missing_values(level: str, published: float) -> None:
    counts = np.zeros((12, 5), dtype=int)
    for observer in KRIPPENDORFF_2011:
        for unit, value in enumerate(observer):
            if value != ".":
                counts[unit, int(value) - 1] += 1
    value = kappa.alpha(counts, [1, 2, 3, 4, 5], level)  # type: ignore[arg-type]
    assert value is not None
    assert round(value, 3) == published


def test_krippendorffs_alpha_of_two_people_and_two_answers_as_thumbs(tmp_path: Path) -> None:
    # Krippendorff 2011, section A: Meg and Owen over ten articles, alpha 0.095.
    world = World("thumbs")
    for number, (meg, owen) in enumerate(zip("0100000010", "1110010000", strict=True)):
        world.task(f"t{number}", "a", overlap=2)
        world.thumb("meg", f"t{number}", meg == "1")
        world.thumb("owen", f"t{number}", owen == "1")
    figure = named(world.worked(tmp_path).report.agreement, "Krippendorff's alpha, nominal")
    assert figure.value is not None
    assert (round(figure.value, 3), figure.cases) == (0.095, 10)


def test_cohens_kappa_of_two_readers_of_grant_proposals_as_thumbs(tmp_path: Path) -> None:
    # The textbook's 50 proposals: both yes 20, only A 5, only B 10, both no 15; kappa 0.4.
    world = World("thumbs")
    answers = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10
    answers += [(False, False)] * 15
    for number, (a, b) in enumerate(answers):
        world.task(f"t{number:02}", "a", overlap=2)
        world.thumb("a", f"t{number:02}", a)
        world.thumb("b", f"t{number:02}", b)
    agreement = world.worked(tmp_path).report.agreement
    assert named(agreement, "raw").value == pytest.approx(0.7)
    assert named(agreement, "Cohen's kappa: a, b").value == pytest.approx(0.4)
    assert named(agreement, "Cohen's kappa: a, b").cases == 50


def test_kendalls_tau_of_the_canned_tuna_as_rankings_of_nine(tmp_path: Path) -> None:
    assert kappa.tau_b(np.array(LIGHTNESS), np.array(PANEL)) == pytest.approx(4 / 9)
    world = World()
    world.task("t", "abcdefghi", overlap=2)
    for who, values in (("light", LIGHTNESS), ("panel", PANEL)):
        order = sorted("abcdefghi", key=lambda letter: values["abcdefghi".index(letter)])
        world.ranks(who, "t", ">".join(order), shown="ihgfedcba" if who == "panel" else "")
    figure = named(world.worked(tmp_path).report.agreement, "Kendall's tau-b")
    assert figure.value is not None
    # R's help of cor.test prints 0.4444444 for it.
    assert (round(figure.value, 7), figure.cases) == (0.4444444, 1)
    assert figure.low is None


def test_tau_b_with_ties_by_hand() -> None:
    # 1 2 2 3 against 1 2 3 3: 4 pairs alike, none against, 1 tie in each: 4 / √(5 · 5).
    assert kappa.tau_b([1, 2, 2, 3], [1, 2, 3, 3]) == pytest.approx(4 / 5)


@pytest.mark.parametrize(
    "value",
    [
        kappa.cohen(np.zeros((3, 3), dtype=int)),
        kappa.cohen(np.diag([5, 0, 0])),
        kappa.fleiss(np.zeros((0, 3), dtype=int)),
        kappa.fleiss(np.array([[2, 0], [2, 0]])),
        kappa.alpha(np.array([[1, 0], [0, 1]]), [0, 1], "nominal"),
        kappa.alpha(np.array([[2, 0], [3, 0]]), [0, 1], "ordinal"),
        kappa.tau_b([1, 1, 1], [1, 2, 3]),
        kappa.tau_b([1], [1]),
    ],
)
def test_what_is_not_defined_is_none_and_no_warning(value: float | None) -> None:
    assert value is None


def test_cohens_kappa_is_that_of_the_formula_for_three_answers() -> None:
    table = np.array([[10, 2, 3], [1, 6, 4], [2, 2, 20]])
    total = table.sum()
    seen = np.trace(table) / total
    chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    value = kappa.cohen(table)
    assert value is not None
    assert math.isclose(value, (seen - chance) / (1 - chance))
