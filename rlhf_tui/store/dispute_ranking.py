"""The ranking of what people disagree on, kept in memory and brought up to date.

To rank all items anew takes seconds among a million events, and a reviewer asks after every item
that they settle. Kept are a place, an agreement and a kind of each disputed item, 17 bytes: of the
others nothing. What was judged, settled or opened since is found by its place in the log, and only
these items are looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rlhf_tui.records import TaskKind
from rlhf_tui.store.database import Connection, Store
from rlhf_tui.store.disputes import AGREEMENT, DisputeRow, agreement_of

LARGEST_STEP = 20_000
"""Lines of the log beyond which everything is ranked anew: some tenths of a second."""


class Ranking(NamedTuple):
    """Items that two or more people judged, not all alike, and that nobody has settled.

    The three arrays, [n], are in order: the least agreed first, of equals the first imported.
    """

    next_seq: int
    """All lines of the log before this one are in it."""
    next_task: int
    """And all tasks at places before this one."""
    places: npt.NDArray[np.int64]
    """Positions of the tasks."""
    agreement: npt.NDArray[np.float64]
    """In [0, 1)."""
    thumbs: npt.NDArray[np.bool_]
    """Whether it is a thumbs task."""

    def covers(self, store: Store) -> bool:
        """Whether it is up to date."""
        return (self.next_seq, self.next_task) == _mark(store)

    def near(self, store: Store) -> bool:
        """Whether `renewed` is quick."""
        return store.next_seq - self.next_seq <= LARGEST_STEP


def _mark(store: Store) -> tuple[int, int]:
    return store.next_seq, store.next_position["tasks"]


def ranked(store: Store) -> Ranking:
    """Look at everything; seconds among a million events."""
    # Asked first: what is stored meanwhile may be in the answer, and is looked at once more.
    mark = _mark(store)
    given = "SELECT * FROM judgements WHERE task_id NOT IN (SELECT task_id FROM settled)"
    with store.reading() as con:
        found = con.execute(
            f"""SELECT position, agreement, kind = 'thumbs' AS thumbs
            FROM ({AGREEMENT.format(given=given)}) JOIN tasks USING (task_id)
            WHERE agreement < 1 ORDER BY agreement, position"""
        ).fetchnumpy()
    places, agreement, thumbs = found["position"], found["agreement"], found["thumbs"]
    return Ranking(
        *mark, places.astype(np.int64), agreement.astype(np.float64), thumbs.astype(np.bool_)
    )


def renewed(store: Store, ranking: Ranking) -> Ranking:
    """An earlier ranking of this store with what has happened since."""
    mark = _mark(store)
    with store.reading() as con:
        touched = _touched(con, ranking, mark)
        if not touched:
            return ranking._replace(next_seq=mark[0], next_task=mark[1])
        tasks = con.execute(
            """SELECT task_id, position, kind = 'thumbs', repeat_of IS NOT NULL FROM tasks
            WHERE task_id IN (SELECT unnest(?::VARCHAR[]))""",
            [touched],
        ).fetchall()
        closed = _settled(con, touched)
        asked = [task for task, _, _, repeat in tasks if not repeat and task not in closed]
        shares = agreement_of(con, asked)
    fresh = [
        (place, shares[task], thumbs)
        for task, place, thumbs, _ in tasks
        if shares.get(task, 1.0) < 1
    ]
    stay = ~np.isin(ranking.places, [place for _, place, _, _ in tasks])
    places = np.append(ranking.places[stay], np.array([f[0] for f in fresh], np.int64))
    agreement = np.append(ranking.agreement[stay], np.array([f[1] for f in fresh], np.float64))
    thumbs = np.append(ranking.thumbs[stay], np.array([f[2] for f in fresh], np.bool_))
    order = np.lexsort((places, agreement))
    return Ranking(*mark, places[order], agreement[order], thumbs[order])


def page(
    store: Store,
    ranking: Ranking,
    *,
    kind: TaskKind | None = None,
    limit: int = 20,
    offset: int = 0,
) -> tuple[list[DisputeRow], int]:
    """A part of the ranking, and how many items it has in all.

    Args:
        kind: only items of this kind; they are what is counted, too.
    """
    if kind is None:
        chosen = np.arange(offset, min(offset + limit, len(ranking.places)))
        total = len(ranking.places)
    else:
        of_kind = np.flatnonzero(ranking.thumbs == (kind == "thumbs"))
        chosen, total = of_kind[offset : offset + limit], len(of_kind)
    places = ranking.places[chosen].tolist()
    with store.reading() as con:
        names = dict(
            con.execute(
                """SELECT position, task_id FROM tasks
                WHERE position IN (SELECT unnest(?::BIGINT[]))""",
                [places],
            ).fetchall()
        )
    shares = ranking.agreement[chosen].tolist()
    rows = [DisputeRow(names[at], share) for at, share in zip(places, shares, strict=True)]
    return rows, total


def _touched(con: Connection, ranking: Ranking, mark: tuple[int, int]) -> list[str]:
    """Tasks whose agreement or settling may have changed."""
    since = "seq >= $seq"
    given = {"seq": ranking.next_seq}
    if mark[1] != ranking.next_task:
        # A log that was imported may have come before its tasks.
        since += " OR task_id IN (SELECT task_id FROM tasks WHERE position >= $task)"
        given["task"] = ranking.next_task
    found = con.execute(
        f"""SELECT DISTINCT task_id FROM events WHERE ({since})
        AND kind IN ('judge', 'revise', 'retract', 'adjudicate', 'reopen')""",
        given,
    ).fetchall()
    return [task for (task,) in found]


def _settled(con: Connection, task_ids: Sequence[str]) -> set[str]:
    """Those of these tasks that are settled; quicker than by the view."""
    found = con.execute(
        """SELECT task_id FROM events WHERE kind IN ('adjudicate', 'reopen')
        AND task_id IN (SELECT unnest(?::VARCHAR[]))
        GROUP BY task_id HAVING arg_max(kind, seq) = 'adjudicate'""",
        [list(task_ids)],
    ).fetchall()
    return {task for (task,) in found}
