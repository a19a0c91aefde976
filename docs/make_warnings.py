"""Write docs/warnings.md from the rules: `python docs/make_warnings.py`. A test compares it."""

from __future__ import annotations

from pathlib import Path

from rlhf_tui.tracking.rules.finding import TRAINERS, Rule
from rlhf_tui.tracking.rules.judge import RULES

PAGE = Path(__file__).with_name("warnings.md")
HEAD = """\
# Warnings

The dashboard's fourth pane, and `dashboard --once`, say what goes wrong in a run, what it means
and what to change. The number of warnings that hold stands on the pane's tab while others are seen.

A rule is a threshold on what a run has logged, with two levels: it fires at the first and is over
at a second, easier one, each for several points in a row, so that a value about a threshold does
not flicker. What has fired and is over stays as a note. Every finding tells the step at which its
rule first fired. A rule looks backwards only: more points never change what it said of earlier
ones (a run of more than 500 points is looked at in equal pieces of it).

They are thresholds from papers and practice, not proofs: each was set so that it is silent on
recorded good runs of every trainer, from the first line to the last, and fires on runs that were
made to fail (`tests/recordings`); `memory-nearly-full` and `gpu-idle` alone were tried on numbers
made up for them. A silent list does not make a good policy. Read the samples, and
[measure on held-out judgements](evaluation.md).

Severities: `critical` (the run is, or will be, worthless as it goes on), `warning` (look at it
now), `note` (good to know, or over).
"""
FOOT = """
Logs of other programs are looked at by those rules whose metrics they hold; names are read with
or without `train/` and `eval/`, and the kind of run is taken from the metrics.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_table(), FOOT, *(line for rule in RULES for line in _section(rule))])


def _table() -> list[str]:
    lines = ["| Rule | What it sees | Runs |", "|---|---|---|"]
    return lines + [f"| [`{r.id}`](#{r.id}) | {r.title} | {_kinds(r)} |" for r in RULES]


def _kinds(rule: Rule) -> str:
    if set(TRAINERS) <= set(rule.kinds):
        return "all" if "generate" in rule.kinds else "all training"
    return ", ".join(kind for kind in rule.kinds if kind != "log")


def _section(rule: Rule) -> list[str]:
    lines = [f"## {rule.id}", "", f"**{rule.title}** ({_kinds(rule)})", ""]
    lines += [f"Fires when: {rule.fires}", "", f"What it means: {rule.means}", ""]
    lines += ["What to change:", "", *(f"- {advice}" for advice in rule.change), ""]
    if rule.sources:
        cited = (f"- {w.by}, [{w.title}]({w.url}): {says}." for w, says in rule.sources)
        lines += ["Sources:", "", *cited, ""]
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
