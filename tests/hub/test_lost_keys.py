"""A run that waits for its turn with a key, which a hub that is restarted no longer has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.hubs import TEST_SERVER, HubProcess, ingest, tasks

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launch, Launched, ResumeRun, RunAnswer, RunInfo, ShowRun
from rlhf_tui.runs.environment import lost_keys
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.workspace import Workspace

KEY = {"OPENAI_API_KEY": "sk-secret"}


def launch(client: HubClient, secrets: dict[str, str], **more: object) -> str:
    arguments = {"k": 4, "limit": 2, "device": "cpu", **more}
    return client.call(Launch("generate", arguments, secrets=secrets), Launched).run_id


def show(client: HubClient, run_id: str) -> RunInfo:
    return client.call(ShowRun(run_id), RunAnswer).run


def test_it_says_what_it_needs_and_comes_back_with_it(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    hub = start_hub(program=TEST_SERVER)
    ingest(workspace, tasks(2))
    server = {"endpoint": "http://127.0.0.1:9/v1", "endpoint_model": "m"}
    with HubClient(workspace) as client:
        launch(client, {}, **server)
        launch(client, {})
        needs, does_not = launch(client, KEY, **server), launch(client, KEY)
        assert [show(client, run).state for run in (needs, does_not)] == ["queued", "queued"]
    hub.kill()
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        told = show(client, needs)
        assert told.state == "stopped"
        assert "OPENAI_API_KEY is needed again" in told.message
        assert f"rlhf-tui runs resume {needs}" in told.message
        assert show(client, does_not).state == "queued"
        assert client.call(ResumeRun(needs, KEY), Launched).state == "queued"
        assert show(client, needs).message == ""
    assert "sk-secret" not in (workspace.runs / needs / "args.json").read_text()


@pytest.mark.parametrize(
    ("options", "environ", "lost"),
    [
        ({}, {}, []),
        ({"endpoint": "http://a/v1"}, {}, ["OPENAI_API_KEY"]),
        ({"eval_endpoint": "http://a/v1"}, {}, ["OPENAI_API_KEY"]),
        ({"endpoint": "http://a/v1"}, {"OPENAI_API_KEY": "k"}, []),
        ({"report_to": ["wandb"]}, {"OPENAI_API_KEY": ""}, ["WANDB_API_KEY"]),
        ({"report_to": ["tensorboard"], "endpoint": ""}, {}, []),
    ],
)
def test_a_key_is_lost_where_it_was_given_and_is_needed(
    options: dict[str, object], environ: dict[str, str], lost: list[str]
) -> None:
    given = ["HF_TOKEN", "OPENAI_API_KEY", "WANDB_API_KEY"]
    arguments = RunArguments("sft-0001", "sft", options, keys=given)
    assert lost_keys(arguments, environ) == lost
    assert not lost_keys(RunArguments("sft-0001", "sft", options), environ)
