"""What a snapshot holds, in numbers that a launch is weighed by: read from its Parquet files.

Rows by split, columns, people, how far two of them agree, how long the texts are, and how many
rows the reward model's trainer makes of the pairs. A million rows take a second, in a thread.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec

from rlhf_tui.dataset.snapshot import MANIFEST, Manifest
from rlhf_tui.errors import HubError, InputError
from rlhf_tui.runs import layout
from rlhf_tui.runs.rendered import Lengths
from rlhf_tui.store.database import Connection

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "512MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
TEXTS = ("prompt", "completion", "chosen", "rejected")
PER_GROUP = 16
"""Texts of a row of the reward model's trainer at most: training.reward_model.MAX_TEXTS."""


class Summary(msgspec.Struct):
    """A snapshot in numbers."""

    manifest: Manifest
    columns: list[str]
    characters: Lengths
    """Of its texts, prompt and response together: those of a pair are two."""
    prompts: int = 0
    """Distinct ones to train on."""
    texts: int = 0
    """Distinct texts to train on, of pairs alone."""
    crowded: bool = False
    """Whether a prompt of pairs has more texts than one row of the reward model's trainer takes."""
    annotators: int = 0
    agreement: float | None = None
    """As evaluation.human_reference has it."""


def summary(directory: Path) -> Summary:
    """The numbers of a snapshot.

    Raises:
        InputError: it has no manifest.
        HubError: its files cannot be read.
    """
    manifest = layout.read(directory / MANIFEST, Manifest)
    if manifest is None:
        raise InputError(f"{directory} holds no snapshot.")
    try:
        with duckdb.connect(":memory:", config=SETTINGS) as con:
            return _summary(con, directory, manifest)
    except duckdb.Error as error:
        raise HubError(f"The data set cannot be read: {error}".partition("\n")[0]) from error


def _summary(con: Connection, directory: Path, manifest: Manifest) -> Summary:
    files = [str(directory / f"{name}.parquet") for name in manifest.rows]
    con.read_parquet(files).create_view("everything")
    con.read_parquet(files[:1]).create_view("learnt")
    columns = list(con.table("learnt").columns)
    characters = _characters(con, columns)
    found = Summary(manifest, columns, characters)
    if "prompt_id" in columns:
        ((found.prompts,),) = con.execute("SELECT count(DISTINCT prompt_id) FROM learnt").fetchall()
    if "chosen" in columns:
        ((found.texts, most),) = con.execute(
            """SELECT coalesce(sum(texts), 0)::BIGINT, coalesce(max(texts), 0) FROM (
                SELECT count(DISTINCT text) AS texts FROM (
                    SELECT prompt_id, unnest([chosen::VARCHAR, rejected::VARCHAR]) AS text
                    FROM learnt)
                GROUP BY prompt_id)"""
        ).fetchall()
        # A new row is begun when both texts of a pair might not fit, known or not.
        found.crowded = most + 1 >= PER_GROUP
    found.annotators = _people(con, columns)
    if "chosen" in columns or "label" in columns:
        found.agreement = _agreement(con, columns)
    return found


def _characters(con: Connection, columns: list[str]) -> Lengths:
    """Of prompt and response together; messages count with their roles, roughly."""
    sides = [name for name in TEXTS[1:] if name in columns]
    whole = [f"length(prompt::VARCHAR) + length({name}::VARCHAR)" for name in sides]
    listed = ", ".join(whole or ["length(prompt::VARCHAR)"])
    ((texts, mean, longest, prompt),) = con.execute(
        f"""SELECT count(*), coalesce(avg(size), 0), coalesce(max(size), 0),
            coalesce(avg(begins), 0) FROM (
            SELECT unnest([{listed}]) AS size, length(prompt::VARCHAR) AS begins FROM learnt)"""
    ).fetchall()
    return Lengths(texts=texts, mean=float(mean), longest=float(longest), prompt=float(prompt))


def _people(con: Connection, columns: list[str]) -> int:
    if "annotators" in columns:
        column = "unnest(annotators)"
    elif "annotator" in columns:
        column = "annotator"
    else:
        return 0
    ((people,),) = con.execute(
        f"SELECT count(DISTINCT who) FROM (SELECT {column} AS who FROM everything) WHERE who <> ''"
    ).fetchall()
    return int(people)


def _agreement(con: Connection, columns: list[str]) -> float | None:
    """The share of twos of people who say the same of a case, each two by its rankings' share.

    Rows of one person each are compared case by case; rows that several came to carry votes. A
    case weighs 1/(cases of its ranking), as in `evaluation.human_reference`.
    """
    if "chosen" in columns:
        better, worse = (
            f"{side}_id" if f"{side}_id" in columns else f"{side}::VARCHAR"
            for side in ("chosen", "rejected")
        )
        case = f"least({better}, {worse}) || chr(0) || greatest({better}, {worse})"
        says = f"{better} < {worse}"
    else:
        case = "completion_id" if "completion_id" in columns else "completion::VARCHAR"
        says = "label"
    weight = "1.0 / count(*) OVER (PARTITION BY ranking_id)" if "ranking_id" in columns else "1.0"
    if "votes_for" in columns:
        votes = f"""SELECT any_value(votes_for)::DOUBLE AS yes,
            any_value(coalesce(votes_against, 0))::DOUBLE AS no, any_value(weight) AS weight
            FROM (SELECT *, {case} AS case_, {weight} AS weight_ FROM everything)
            GROUP BY prompt_id, case_""".replace("any_value(weight)", "any_value(weight_)")
    elif "annotator" in columns:
        votes = f"""SELECT count(*) FILTER (says)::DOUBLE AS yes,
            count(*) FILTER (NOT says)::DOUBLE AS no, arg_max(weight_, n) AS weight FROM (
                SELECT prompt_id, case_, annotator, arg_min(says_, n) AS says,
                    arg_max(weight_, n) AS weight_, max(n) AS n
                FROM (SELECT prompt_id, annotator, {case} AS case_, {says} AS says_,
                        {weight} AS weight_, row_number() OVER () AS n FROM everything)
                WHERE annotator <> '' GROUP BY prompt_id, case_, annotator)
            GROUP BY prompt_id, case_"""
    else:
        return None
    ((alike, both),) = con.execute(
        f"""SELECT sum(weight * (yes * (yes - 1) + no * (no - 1)) / 2),
            sum(weight * (yes + no) * (yes + no - 1) / 2) FROM ({votes})"""
    ).fetchall()
    return float(alike) / float(both) if both else None
