"""Why items were handed out, how many to whom, and what a judgement of each would tell."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rlhf_tui.records import Selection, TaskKind
from rlhf_tui.store.database import Store


class Draws(msgspec.Struct, frozen=True):
    """How many items of a kind an annotator has drawn."""

    annotator: str
    kind: TaskKind
    count: int


def draws(store: Store) -> list[Draws]:
    """Counts of the leases that were draws: they say why; renewals do not."""
    with store.reading() as con:
        found = con.execute(
            """SELECT annotator, t.kind, count(*) FROM events AS e JOIN tasks AS t USING (task_id)
            WHERE e.kind = 'lease' AND e.selection <> '' GROUP BY annotator, t.kind"""
        ).fetchall()
    return [Draws(*row) for row in found]


def selections(store: Store, annotator: str, task_ids: Sequence[str]) -> dict[str, Selection]:
    """Why each of these tasks was last drawn for the annotator; those never drawn are left out."""
    with store.reading() as con:
        found = con.execute(
            """SELECT task_id, arg_max(selection, seq) FROM events
            WHERE kind = 'lease' AND selection <> '' AND annotator = ?
            AND task_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY task_id""",
            [annotator, list(task_ids)],
        ).fetchall()
    return dict(found)


def information(store: Store) -> list[tuple[str, float]]:
    """What one more judgement of each scored task is expected to tell: task id, number in [0, 1].

    Of a ranking the mean over its pairs of p(1 - p) + v, where p is the mean over reward models of
    the probability that the one side is preferred, sigmoid(difference of their scores) by Bradley
    and Terry, and v the variance of that probability over the models: pairs on which models
    contradict each other come before those on which all are unsure. Of a thumbs task the same with
    p = sigmoid(score - median of the model's scores). Scores of several runs of one model are one
    opinion, their mean. Tasks without two scored completions (thumbs: one) are left out.
    """
    probability = "1 / (1 + exp(-greatest(least({}, 30), -30)))"
    query = f"""
        WITH means AS MATERIALIZED (
            SELECT completion_id, model, avg(mean) AS mean FROM scores
            WHERE model <> '' AND isfinite(mean) GROUP BY completion_id, model),
        wanted AS (
            SELECT task_id, kind, unnest(completion_ids) AS completion_id FROM tasks
            WHERE repeat_of IS NULL),
        sides AS MATERIALIZED (
            SELECT task_id, kind, model, completion_id, mean
            FROM wanted JOIN means USING (completion_id)),
        medians AS (SELECT model, median(mean) AS middle FROM means GROUP BY model),
        opinions AS (
            SELECT a.task_id, a.completion_id AS a, b.completion_id AS b,
                {probability.format("a.mean - b.mean")} AS p
            FROM sides AS a JOIN sides AS b USING (task_id, model)
            WHERE a.kind = 'rank' AND a.completion_id < b.completion_id
            UNION ALL
            SELECT task_id, completion_id, NULL, {probability.format("mean - middle")}
            FROM sides JOIN medians USING (model) WHERE kind = 'thumbs'),
        pairs AS (
            SELECT task_id, avg(p) AS p, var_pop(p) AS v FROM opinions GROUP BY task_id, a, b)
        SELECT task_id, avg(p * (1 - p) + v) FROM pairs GROUP BY task_id"""
    with store.reading() as con:
        return con.execute(query).fetchall()
