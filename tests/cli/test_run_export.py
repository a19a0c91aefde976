"""`runs export` by the shell: tables and charts, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from helpers import Cli, refused
from helpers.recorded import write_run

from rlhf_tui.cli.main import app
from rlhf_tui.errors import RlhfError


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A place with two runs, and no workspace."""
    for run_id in ("sft-0001", "sft-0002"):
        write_run(tmp_path / "runs", run_id, kind="sft", steps=30, total=30)
    return Cli(tmp_path)


RUNS = ("runs/sft-0001", "runs/sft-0002")


def test_tables(cli: Cli) -> None:
    told = cli("runs", "export", *RUNS, "--out", "m.parquet", "--json").ok().json
    table = pq.read_table(cli.cwd / "m.parquet")
    assert told == {"path": "m.parquet", "what": "metrics", "rows": table.num_rows}
    assert table.column_names == ["run_id", "step", "time", "metric", "value"]
    assert [str(one) for one in table.schema.types[1:3]] == ["int64", "double"]
    row = json.loads((cli.cwd / RUNS[1] / "metrics.jsonl").read_text().splitlines()[7])
    got = table.to_pylist()
    [loss] = [
        r["value"] for r in got if (r["run_id"], r["step"], r["metric"]) == ("sft-0002", 8, "loss")
    ]
    assert loss == row["loss"]
    told = cli("runs", "export", RUNS[0], "--out", "s.csv", "--what", "samples").ok().out
    assert told == "Wrote 1 row to s.csv.\n"
    assert (cli.cwd / "s.csv").read_text().startswith("run_id,step,by,prompt,completion,reward,kl")
    streamed = cli("runs", "export", *RUNS, "--out", "-", "--wide", "--metrics", "^loss$").ok()
    read = list(csv.DictReader(io.StringIO(streamed.out)))
    assert len(read) == 60
    assert list(read[0]) == ["run_id", "step", "time", "loss"]
    assert float(read[37]["loss"]) == row["loss"]


def test_charts(cli: Cli) -> None:
    told = cli("runs", "export", *RUNS, "--chart", "^loss$", "--out", "loss.svg").ok()
    assert told.out == "Drew loss into loss.svg.\n"
    first = (cli.cwd / "loss.svg").read_bytes()
    assert b"sft-0002" in first
    again = cli("runs", "export", *RUNS, "--chart", "^loss$", "--out", "-").ok()
    assert again.out.encode() == first
    refused(cli("runs", "export", *RUNS, "--chart", "loss", "--out", "loss.svg"), 2, "--overwrite")
    assert (cli.cwd / "loss.svg").read_bytes() == first
    drawn = cli(
        "runs", "export", *RUNS, "--chart", "loss", "--out", "loss.svg", "--overwrite", "--smooth",
        "0.9", "--log-y", "--x", "time", "--size", "3x2", "--json",
    ).ok()  # fmt: skip
    assert drawn.json == {"path": "loss.svg", "metrics": ["loss", "eval_loss"]}
    assert (cli.cwd / "loss.svg").read_bytes() != first
    absent = write_run(cli.cwd / "runs", "rm-0001", kind="rm", steps=3, total=3)
    noted = cli(
        "runs", "export", RUNS[0], absent, "--chart", "token_acc", "--out", "a.png", "--size", "2x1"
    ).ok()
    assert "rm-0001 logs no mean_token_accuracy." in noted.err
    assert (cli.cwd / "a.png").read_bytes().startswith(b"\x89PNG")


def test_several_charts_stand_in_one_figure_in_their_order_or_in_files(cli: Cli) -> None:
    given = ("runs", "export", *RUNS, "--chart", "^grad_norm$", "--chart", "loss")
    told = cli(*given, "--out", "both.svg", "--json").ok().json
    assert told == {"path": "both.svg", "metrics": ["grad_norm", "loss", "eval_loss"]}
    figure = (cli.cwd / "both.svg").read_text()
    assert -1 < figure.find("grad_norm") < figure.find(">loss") < figure.find("eval_loss")
    apart = cli(*given, "--out", "norm.svg", "--out", "loss.png", "--log-y").ok()
    assert apart.out == "Drew grad_norm into norm.svg.\nDrew loss, eval_loss into loss.png.\n"
    assert "loss" not in (cli.cwd / "norm.svg").read_text()
    # One that cannot be drawn: none is written.
    write_run(cli.cwd / "runs", "ppo-0001", kind="ppo", steps=30, total=30)
    refused(
        cli("runs", "export", "runs/ppo-0001", "--chart", "kl$", "--chart", "ratio", "--x", "time",
            "--out", "a.svg", "--out", "no/b.svg"),
        2, "no/b.svg",
    )  # fmt: skip
    assert not (cli.cwd / "a.svg").exists()


def test_what_cannot_stand_on_a_logarithmic_axis_is_said(cli: Cli) -> None:
    run = write_run(cli.cwd / "runs", "rm-0001", kind="rm", steps=30, total=30)
    noted = (
        cli("runs", "export", run, "--chart", "^mean_reward$", "--log-y", "--out", "m.svg").ok().err
    )
    assert "mean_reward of rm-0001 has points that are not above 0" in noted


def test_metrics_may_be_named_more_than_once(cli: Cli) -> None:
    given = ("--metrics", "^loss$", "--metrics", "grad")
    told = cli("runs", "export", RUNS[0], *given, "--out", "-").ok()
    names = {row["metric"] for row in csv.DictReader(io.StringIO(told.out))}
    assert names == {"loss", "grad_norm"}
    compared = cli("runs", "compare", *RUNS, *given, "--json").ok().json["metrics"]
    assert [row["name"] for row in compared] == ["loss", "grad_norm"]
    refused(cli("runs", "compare", *RUNS, "--metrics", "loss", "--metrics", "lss"), 2, "'lss'")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--out", "m.xlsx"), 2, (".parquet", "--chart")),
        (("--out", "m.svg"), 2, ("--chart",)),
        (("--out", "m.csv", "--chart", "loss"), 2, (".svg, .png or .pdf",)),
        (("--out", "m.csv", "--metrics", "lss"), 2, ("Did you mean 'loss'?",)),
        (("--out", "m.csv", "--metrics", "["), 2, ("no regular expression",)),
        (("--out", "m.svg", "--chart", "lss"), 2, ("Did you mean 'loss'?",)),
        (("--out", "m.svg", "--chart", "("), 2, ("no regular expression",)),
        (("--out", "m.svg", "--chart", "loss", "--smooth", "1"), 2, ("below 1",)),
        (("--out", "m.svg", "--chart", "loss", "--size", "big"), 2, ("--size 6x4",)),
        (("--out", "m.svg", "--chart", "loss", "--size", "4x900"), 2, ("--size 6x4",)),
        (("--out", "m.svg", "--chart", "loss", "--x", "samples"), 2, ("does not log samples",)),
        (("--out", "m.svg", "--chart", "loss", "--wide"), 2, ("for tables",)),
        (("--out", "m.csv", "--log-y"), 2, ("--log-y is for a chart",)),
        (("--out", "m.csv", "--what", "samples", "--wide"), 2, ("not for samples",)),
        (("--out", "m.csv", "--what", "machine"), 6, ("wrote no figures of the machine",)),
        (("--out", "nowhere/m.csv"), 2, ("nowhere",)),
        (("--out", "-", "--json"), 2, ("stdout",)),
        (("--out", "m.csv", "--metrics", "loss", "--metrics", "lss"), 2, ("holds 'lss'",)),
        (("--out", "m.csv", "--wide", "--metrics", "^step"), 2, ("holds '^step'",)),
        (("--out", "m.csv", "--out", "m.parquet"), 2, ("for one table",)),
        (("--out", "-", "--out", "m.svg", "--chart", "loss"), 2, ("stdout",)),
        (("--out", "m.svg", "--chart", "loss", "--chart", "lss"), 2, ("holds 'lss'",)),
        (("--out", "m.svg", "--out", "m.png", "--chart", "loss"), 2, ("2 files", "1 --chart")),
        (("--out", "m.svg", "--out", "m.svg", *("--chart", "loss") * 2), 2, ("named twice",)),
        (
            ("--out", "m.svg", "--out", "./a/../m.svg", *("--chart", "loss") * 2),
            2,
            ("named twice",),
        ),
        (("--out", "m.svg", "--chart", "loss", *("--size", "3x2") * 2), 2, ("--size is given",)),
        (("--out", "m.csv", "--what", "samples", "--what", "metrics"), 2, ("--what is given",)),
    ],
)
def test_what_is_refused(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(cli.cwd)
    command = typer.main.get_command(app)
    with pytest.raises(RlhfError) as told:
        command.main(["runs", "export", RUNS[0], *arguments], standalone_mode=False)
    assert told.value.exit_code == code
    for word in words:
        assert word in str(told.value)
    assert not list(cli.cwd.glob("m.*"))


def test_what_typer_refuses(cli: Cli) -> None:
    refused(cli("runs", "export", RUNS[0], "--out", "m.csv", "--what", "sample"), 2, "samples")
    refused(cli("runs", "export", RUNS[0]), 2, "--out")
