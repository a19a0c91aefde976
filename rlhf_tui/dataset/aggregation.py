"""Several people's judgements of one thing, and what they come to together.

The unit of decision is a pair of completions of one prompt (`preference`), or one completion
(`unpaired-preference`, and `prompt-completion` with --include). Each person has one vote on a
unit, their newest: for or against the first completion, or a tie; of a single completion thumb up
or down, or best in its ranking or not. An unranked completion and an unsure ranking are no vote.
A tie decides nothing: it is counted (`votes_tied`), and takes part in no share.

    agreement   the share of those who decided that say what the row says; for dawid-skene and
                bradley-terry the probability that the row is right
    majority    a row where more people decide so than otherwise; evenly split: no row
    unanimous   a row where all who decided say the same
    dawid-skene, bradley-terry
                a row the way that is more probable (rlhf_tui/evaluation/reliability.py); where
                nobody decided what somebody else decided there is nothing to learn about
                people, and the votes stand as they are

An item is a task. A unit that was judged in several tasks belongs to the one in which it was
judged first. The rows of one item weigh 1/(rows of that item), as those of one ranking do without
aggregation, so that an item counts as much as any other; by the two models each row's weight is
multiplied by 2p - 1: its pull on a reward model that cannot tell the two apart yet is then that
of the soft label p.

A settled item counts as its adjudication says, whatever the least agreement and number of
judgements; a unit with a settled vote has no others.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import msgspec

from rlhf_tui.dataset.spec import Aggregate, DatasetSpec
from rlhf_tui.errors import HubError, UsageError
from rlhf_tui.evaluation.worker_process import compute
from rlhf_tui.store.database import Connection, sentence

MODELS: tuple[Aggregate, ...] = ("dawid-skene", "bradley-terry")
NAMES = {"dawid-skene": "Dawid and Skene", "bradley-terry": "Bradley and Terry"}
EVEN = 1e-6
"""Probabilities this near to one half are even: the models' own accuracy ends before."""

# One vote a person and unit, the newest; where a vote is settled, only settled ones.
VOTES_OF_PAIRS = """
    CREATE OR REPLACE TEMP TABLE votes AS
    WITH texts AS (
        SELECT position, completion_id, prompt_id, hash(text, messages) AS content
        FROM completions
        WHERE len($runs::VARCHAR[]) = 0 OR list_contains($runs::VARCHAR[], run_id)),
    r AS MATERIALIZED (
        SELECT r.seq, r.ranking_id, r.annotator, r.tier, x.position, x.content,
            k.prompt, k.settled, k.task, k.strength
        FROM ranked r JOIN counted k USING (seq) JOIN texts x USING (completion_id)),
    given AS (
        SELECT a.seq, a.ranking_id, a.annotator, a.prompt, a.settled, a.task, a.strength,
            a.position AS first, b.position AS second,
            sign(b.tier - a.tier)::INTEGER AS vote
        FROM r AS a JOIN r AS b ON a.seq = b.seq AND a.position < b.position
        WHERE a.content <> b.content),
    newest AS (
        SELECT * FROM given QUALIFY row_number() OVER (
            PARTITION BY first, second, annotator ORDER BY seq DESC) = 1)
    SELECT * FROM newest
    QUALIFY settled OR NOT bool_or(settled) OVER (PARTITION BY first, second)"""

_ON_ONE = """
    CREATE OR REPLACE TEMP TABLE votes AS
    WITH given AS ({given}),
    newest AS (
        SELECT g.seq, NULL::VARCHAR AS ranking_id, g.annotator, k.prompt, k.settled, k.task,
            NULL::INTEGER AS strength, c.position AS first, -1::BIGINT AS second,
            CASE WHEN g.good THEN 1 ELSE -1 END AS vote
        FROM given g JOIN counted k USING (seq) JOIN completions c USING (completion_id)
        WHERE len($runs::VARCHAR[]) = 0 OR list_contains($runs::VARCHAR[], c.run_id)
        QUALIFY row_number() OVER (
            PARTITION BY c.position, g.annotator ORDER BY g.seq DESC) = 1)
    SELECT * FROM newest QUALIFY settled OR NOT bool_or(settled) OVER (PARTITION BY first)"""

VOTES_OF_THUMBS = _ON_ONE.format(
    given="SELECT seq, annotator, completion_id, label AS good FROM thumbs"
)

# Where all are on one tier, nothing is better than anything.
VOTES_OF_BEST = _ON_ONE.format(
    given="""
        SELECT seq, annotator, completion_id, tier = best AS good FROM (
            SELECT r.seq, r.annotator, r.completion_id, r.tier,
                min(r.tier) OVER (PARTITION BY r.seq) AS best,
                max(r.tier) OVER (PARTITION BY r.seq) AS worst
            FROM ranked r JOIN counted k USING (seq) WHERE NOT k.both_bad)
        WHERE best < worst"""
)

_UNITS = """
    CREATE OR REPLACE TEMP TABLE units AS
    SELECT row_number() OVER (ORDER BY first, second) AS question,
        first, second, any_value(prompt) AS prompt, bool_or(settled) AS settled,
        count(*) FILTER (vote = 1) AS up, count(*) FILTER (vote = -1) AS down,
        count(*) FILTER (vote = 0) AS tied,
        list(annotator ORDER BY seq) FILTER (vote <> 0) AS annotators,
        avg(strength) FILTER (vote = 1) AS strength_up,
        avg(strength) FILTER (vote = -1) AS strength_down,
        arg_min(task, seq) AS item
    FROM votes GROUP BY first, second"""

_DECISIONS = """
    CREATE TEMP TABLE {into} AS
    WITH shares AS (
        SELECT u.*, CASE WHEN u.settled OR p.probability IS NULL
            THEN u.up / (u.up + u.down) ELSE p.probability END AS share
        FROM units u LEFT JOIN answers p USING (question) WHERE u.up + u.down > 0)
    SELECT *, share > 0.5 AS first_wins, greatest(share, 1 - share) AS agreement,
        CASE
            WHEN abs(share - 0.5) <= $even AND $decide THEN 'even'
            WHEN settled THEN ''
            WHEN $unanimous AND least(up, down) > 0 THEN 'divided'
            WHEN up + down < $judgements THEN 'few'
            WHEN greatest(share, 1 - share) < $agreement - 1e-9 THEN 'disagreed'
            ELSE '' END AS left_out
    FROM shares"""


class Aggregated(msgspec.Struct):
    """What came of the judgements of several people; for the notes."""

    reliability: dict[str, float] | None = None
    """Each person's, by the model; None without one."""


def decides(spec: DatasetSpec) -> bool:
    """Whether what others say of the same thing decides about a row."""
    return spec.aggregate != "all" or spec.min_agreement > 0 or spec.min_judgements > 1


def check(spec: DatasetSpec) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: this kind of data set knows no such decision.
    """
    if decides(spec) and spec.kind in ("rankings", "prompt-only"):
        raise UsageError(
            f"A {spec.kind} data set takes no decisions: it cannot be aggregated.",
            hint="Leave out --aggregate, --min-agreement and --min-judgements.",
        )
    if spec.aggregate == "bradley-terry" and spec.kind != "preference":
        raise UsageError(
            f"bradley-terry compares completions; a {spec.kind} data set judges each by itself.",
            hint="Take --aggregate dawid-skene or majority.",
        )


def decide(con: Connection, spec: DatasetSpec, votes: str, into: str = "decisions") -> Aggregated:
    """Fill `votes`, `units` and a table of decisions from one of the queries above.

    Needs `counted`. A decision whose `left_out` is not empty makes no row.

    Raises:
        HubError, InputError: reliability could not be computed.
    """
    con.execute(votes, {"runs": spec.runs})
    con.execute(_UNITS)
    outcome = _weigh(con, spec.aggregate)
    con.execute(
        _DECISIONS.format(into=into),
        {
            "even": EVEN,
            "decide": spec.aggregate != "all",
            "unanimous": spec.aggregate == "unanimous",
            "judgements": spec.min_judgements,
            "agreement": spec.min_agreement,
        },
    )
    return outcome


def _weigh(con: Connection, model: Aggregate) -> Aggregated:
    """Fill `answers` with each question's probability; without a model it stays empty."""
    con.execute("CREATE OR REPLACE TEMP TABLE answers (question BIGINT, probability DOUBLE)")
    several = con.execute(
        "SELECT count(*) FROM units WHERE NOT settled AND up + down > 1"
    ).fetchall()[0][0]
    if model not in MODELS or not several:
        return Aggregated()
    try:
        with tempfile.TemporaryDirectory(prefix="rlhf-tui-") as directory:
            return Aggregated(_answers(con, model, Path(directory)))
    except OSError as error:
        raise HubError(
            f"The reliability of annotators needs room in {tempfile.gettempdir()}:"
            f" {error.strerror}.",
            hint="Free some there, or start the hub with TMPDIR set to another directory.",
        ) from error


def _answers(con: Connection, model: Aggregate, directory: Path) -> dict[str, float]:
    """Fill `answers` from a process that works in `directory`; each person's reliability."""
    source, target = directory / "votes.parquet", directory / "answers.parquet"
    try:
        con.execute(
            f"""COPY (
                SELECT u.question, v.first, v.second, v.annotator, v.vote = 1 AS answer
                FROM votes v JOIN units u USING (first, second)
                WHERE v.vote <> 0 AND NOT u.settled ORDER BY u.question, v.seq)
            TO '{_quoted(source)}' (FORMAT parquet)"""
        )
    except duckdb.Error as error:
        raise sentence(error, source) from error
    said = compute(
        "rlhf_tui.evaluation.reliability",
        [model, str(source), str(target)],
        what="The reliability of annotators",
    )
    con.execute(
        f"INSERT INTO answers SELECT question, probability FROM read_parquet('{_quoted(target)}')"
    )
    return msgspec.json.decode(said, type=dict[str, float])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


PREFERENCE = """
    CREATE TEMP TABLE picked AS
    WITH rankings AS (
        SELECT task, min(seq) AS seq, arg_min(ranking_id, seq) AS ranking_id
        FROM votes GROUP BY task)
    SELECT d.prompt, q.split, q.chat, r.seq, r.ranking_id, d.item,
        CASE WHEN first_wins THEN first ELSE second END AS chosen,
        CASE WHEN first_wins THEN second ELSE first END AS rejected,
        CASE WHEN first_wins THEN up ELSE down END AS votes_for,
        CASE WHEN first_wins THEN down ELSE up END AS votes_against,
        tied AS votes_tied, agreement, annotators,
        CASE WHEN first_wins THEN strength_up ELSE strength_down END AS strength,
        {factor} / count(*) OVER (PARTITION BY d.item) AS weight
    FROM decisions d
    JOIN picked_prompts q ON q.position = d.prompt
    JOIN rankings r ON r.task = d.item
    WHERE d.left_out = ''"""

ONE_A_RANKING = """
    CREATE OR REPLACE TEMP TABLE picked AS
    SELECT * EXCLUDE (pairs, draw) REPLACE (weight * pairs AS weight) FROM (
        SELECT k.*, count(*) OVER (PARTITION BY k.item) AS pairs,
            md5(k.ranking_id || a.completion_id || b.completion_id) AS draw
        FROM picked k
        JOIN completions a ON a.position = k.chosen
        JOIN completions b ON b.position = k.rejected)
    QUALIFY row_number() OVER (PARTITION BY item ORDER BY draw) = 1"""

UNPAIRED = """
    CREATE TEMP TABLE picked AS
    SELECT d.prompt, q.split, q.chat, d.first AS completion, d.first_wins AS label,
        CASE WHEN first_wins THEN up ELSE down END AS votes_for,
        CASE WHEN first_wins THEN down ELSE up END AS votes_against,
        agreement, annotators, {factor} AS weight
    FROM decisions d JOIN picked_prompts q ON q.position = d.prompt
    WHERE d.left_out = ''"""


def factor(outcome: Aggregated) -> str:
    """What a row's weight is multiplied by, in SQL."""
    if outcome.reliability is None:
        return "1.0::DOUBLE"
    return "CASE WHEN settled THEN 1.0 ELSE 2 * agreement - 1 END"
