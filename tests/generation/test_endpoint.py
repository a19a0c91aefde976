"""The client of OpenAI-compatible servers: what it sends, retries, and says of refusals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.scripted_server import Reply, Script, completion, serving, text_of

from rlhf_tui.config.endpoints import base_url
from rlhf_tui.config.resolve import resolve_options
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import InputError, RlhfError, UsageError
from rlhf_tui.generation import requests
from rlhf_tui.generation.asking import Answer, Endpoint, How, Wanted
from rlhf_tui.generation.endpoint import Server, answer, seed_of
from rlhf_tui.records import Message

HOW = How(max_new_tokens=7, temperature=0.5, top_p=0.9)
PROMPTS = ["one", "two", "three"]


@pytest.fixture
def script() -> Iterator[Script]:
    with serving(Script()) as made:
        yield made


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT_S", 0.001)
    for name in ("RLHF_TUI_ENDPOINT_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def endpoint(script: Script, **more: Any) -> Endpoint:
    return Endpoint(script.url, **{"retries": 3, "timeout": 20.0, **more})


def failing(*replies: Reply) -> Any:
    """An answer that first fails as told, then is usual."""
    left = list(replies)

    def reply(body: dict[str, Any]) -> Reply:
        return left.pop(0) if left else completion(body)

    return reply


# --- what is sent and understood --------------------------------------------------------------


def test_a_text_is_continued_and_a_conversation_answered(script: Script) -> None:
    talk = [Message("system", "Be brief."), Message("user", "Hello?")]
    found = answer(endpoint(script), ["In this film", talk], HOW, seed=4)
    sent = dict(script.requests)
    text, chat = sent["/v1/completions"], sent["/v1/chat/completions"]
    assert text == {
        "model": "tiny",
        "prompt": "In this film",
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": seed_of(4, "0"),
    }
    assert chat["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
    ]
    assert found == [Answer(text_of(text), 5, "eos"), Answer(text_of(chat), 5, "eos")]


def test_answers_stand_in_the_order_of_their_prompts(script: Script) -> None:
    """Though the first one is answered last."""
    others = threading.Semaphore(0)

    def reply(body: dict[str, Any]) -> Reply:
        if body["prompt"] == "one":
            for _ in range(2):
                assert others.acquire(timeout=20)
        else:
            others.release()
        return completion(body)

    script.answer = reply
    found = answer(endpoint(script, concurrency=3), PROMPTS, HOW)
    assert [a.text.split("/")[0] for a in found] == [" [one", " [two", " [three"]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("stop", "eos"), ("eos_token", "eos"), ("length", "length"), ("content_filter", None)],
)
def test_how_a_completion_ended(script: Script, word: str, meaning: str | None) -> None:
    script.answer = lambda body: completion(body, finish_reason=word)
    assert answer(endpoint(script), ["x"], HOW)[0].finish_reason == meaning


def test_a_server_that_counts_no_tokens(script: Script) -> None:
    script.answer = lambda body: (200, {"choices": [{"text": ""}]})
    assert answer(endpoint(script), ["x"], HOW) == [Answer("", None, None)]


def test_seeds_differ_by_name_and_are_the_same_again() -> None:
    seeds = {seed_of(seed, name) for seed in (0, 1) for name in ("p1:0", "p1:1", "p2:0")}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(1, "p1:0") == seed_of(1, "p1:0")


def test_never_more_requests_at_a_time_than_wanted(script: Script) -> None:
    """Three wait for each other to be there at once; a fourth never is."""
    meeting = threading.Barrier(3, timeout=20)

    def reply(body: dict[str, Any]) -> Reply:
        meeting.wait()
        return completion(body)

    script.answer = reply
    answer(endpoint(script, concurrency=3), [str(i) for i in range(12)], HOW)
    assert script.most_at_once == 3


@pytest.mark.parametrize(
    ("message", "gone", "there"),
    [
        ("Use 'max_completion_tokens' instead.", "max_tokens", "max_completion_tokens"),
        ("Unknown field: seed", "seed", "max_tokens"),
    ],
)
def test_a_field_that_a_server_does_not_know_is_left_out(
    script: Script, message: str, gone: str, there: str
) -> None:
    script.answer = lambda body: (
        (400, {"error": {"message": message}}) if gone in body else completion(body)
    )
    assert len(answer(endpoint(script), PROMPTS, HOW)) == 3
    last = script.requests[-1][1]
    assert gone not in last and last[there] == 7


# --- the key ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({}, None),
        ({"OPENAI_API_KEY": "b"}, "Bearer b"),
        ({"OPENAI_API_KEY": "b", "RLHF_TUI_ENDPOINT_KEY": "a"}, "Bearer a"),
        ({"OPENAI_API_KEY": "b", "RLHF_TUI_ENDPOINT_KEY": ""}, "Bearer b"),
    ],
)
def test_the_key_comes_from_the_environment(
    script: Script, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], sent: str | None
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    answer(endpoint(script), ["x"], HOW)
    assert set(script.keys) == {sent}


def test_a_missing_key_is_named(script: Script) -> None:
    script.key = "right"
    with pytest.raises(InputError, match=r"wants a key \(401\)\. Set RLHF_TUI_ENDPOINT_KEY"):
        answer(endpoint(script), ["x"], HOW)


def test_a_wrong_key_is_not_repeated(
    script: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even where the server does so itself."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    script.key = "right"
    with pytest.raises(InputError, match="does not accept the key") as refused:
        answer(endpoint(script), ["x"], HOW)
    script.key = ""
    script.answer = lambda body: (400, {"error": {"message": "Your key sk-wrong is odd."}})
    with pytest.raises(InputError, match=r"Your key \*\*\* is odd") as told:
        answer(endpoint(script), ["x"], HOW)
    printed = "".join(capsys.readouterr())
    assert "sk-wrong" not in f"{refused.value} {told.value} {printed}"


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://h/openai/v1/chat/completions", "http://h/openai/v1"),
        ("http://h/api/v3", "http://h/api/v3"),
        ("http://[::1]:80", "http://[::1]:80/v1"),
    ],
)
def test_one_form_of_addresses(address: str, base: str) -> None:
    assert base_url(address) == base == base_url(base)


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://h", "http://", "http://h:99999", "http://h:x"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="is not an http address"):
        base_url(address)


@pytest.mark.parametrize(
    "address",
    ["http://me:s3cret@h/v1", "http://s3cret@h", "http://h/v1?key=s3cret", "http://h#s3cret"],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(UsageError, match="RLHF_TUI_ENDPOINT_KEY") as refused:
        base_url(address)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("generate", {"endpoint": "http://me:p@h"}, "holds a user name"),
        ("generate", {"endpoint_model": "m"}, "endpoint_model = 'm' is a model at a server"),
        ("ppo", {"eval_endpoint": "h:80"}, "is not an http address"),
        ("grpo", {"eval_endpoint_model": "m"}, "no server is named. Name its address as eval_"),
    ],
)
def test_what_cannot_be_meant_is_told_before_the_launch(
    kind: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        resolve_options(kind, Settings(), config_file=None, environ={}, given=options)


# --- failures that pass -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        (429, {"error": {"message": "slow down"}}),
        (500, b"Internal Server Error"),
        (503, {"error": "loading"}),
        (200, b'{"choices": [{"te'),
    ],
    ids=["429", "500", "503", "cut-off"],
)
def test_what_may_pass_is_tried_again(script: Script, reply: Reply) -> None:
    script.answer = failing(reply, reply)
    assert answer(endpoint(script), ["x"], HOW)[0].tokens == 5
    assert len(script.requests) == 3


def test_waits_grow_and_follow_what_the_server_asks_for(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT_S", 0.5)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(requests.asyncio, "sleep", sleep)
    busy = (429, {}, {"Retry-After": "7"})
    script.answer = failing((500, {}), (500, {}), (500, {}), busy, (500, {}))
    answer(endpoint(script, retries=5), ["x"], HOW)
    for place, top in enumerate((0.5, 1.0, 2.0)):
        assert top / 2 <= waits[place] <= top
    assert waits[3] == 7
    assert 4 <= waits[4] <= 8
    dated = requests.httpx2.Response(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert requests._asked_wait(dated) == 0
    later = requests.httpx2.Response(429, headers={"Retry-After": "Fri, 21 Oct 2129 07:28:00 GMT"})
    assert requests._asked_wait(later) > 1e9


def test_a_slow_answer_is_given_up_and_asked_for_again(script: Script) -> None:
    release, first = threading.Event(), threading.Event()

    def reply(body: dict[str, Any]) -> Reply:
        if not first.is_set():
            first.set()
            release.wait(20)
        return completion(body)

    script.answer = reply
    try:
        assert len(answer(endpoint(script, timeout=1.0, retries=20), ["x"], HOW)) == 1
        assert len(script.requests) >= 2
    finally:
        release.set()


def test_retries_end(script: Script) -> None:
    script.answer = lambda body: (500, {"error": {"message": "CUDA is sad"}})
    with pytest.raises(RlhfError, match=r"answered 500: CUDA is sad\. Tried 3 times"):
        answer(endpoint(script, retries=2), ["x"], HOW)
    assert len(script.requests) == 3


# --- failures that do not ---------------------------------------------------------------------


def test_a_server_that_is_away_is_a_sentence() -> None:
    with serving(Script()) as script:
        pass
    with pytest.raises(InputError, match=r"http://127.*cannot be used: It cannot be reached"):
        answer(endpoint(script), ["x"], HOW)


def test_a_refused_prompt_is_not_tried_again(script: Script) -> None:
    script.answer = lambda body: (
        (400, {"error": {"message": "It has 900 tokens, too many."}})
        if body["prompt"] == "two"
        else completion(body)
    )
    with pytest.raises(InputError, match=r"answered 2 of 3 prompts\. .*900 tokens"):
        answer(endpoint(script), PROMPTS, HOW)
    assert len(script.requests) == 3


def test_an_unknown_model_gets_the_nearest_one(script: Script) -> None:
    script.models = ["llama-3", "qwen"]
    script.answer = lambda body: (404, {"error": {"message": "No such model."}})
    with pytest.raises(InputError, match=r"no model 'lama-3': No such model\. .*'llama-3'"):
        answer(endpoint(script, model="lama-3"), ["x"], HOW)


def test_a_missing_route_is_told_from_a_missing_model(script: Script) -> None:
    script.answer = lambda body: (404, {"detail": "Not Found"})
    with pytest.raises(InputError, match="has no /completions, which text prompts need"):
        answer(endpoint(script), ["x"], HOW)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["b", "a"], r"has 2 models\. Name one with --endpoint-model: a, b\."),
        ([], r"has no model\. Name one"),
        (None, r"does not say which models"),
    ],
)
def test_a_model_that_has_to_be_named(script: Script, models: Any, said: str) -> None:
    script.models = models
    with pytest.raises(UsageError, match=said):
        answer(endpoint(script), ["x"], HOW)
    assert len(answer(endpoint(script, model="a"), ["x"], HOW)) == 1


def test_a_server_that_fails_to_list_its_models_may_answer(script: Script) -> None:
    script.broken_list = True
    assert len(answer(endpoint(script, model="a"), ["x"], HOW)) == 1
    with pytest.raises(InputError, match=r"cannot be used: It answered 500\. Tried 4 times"):
        answer(endpoint(script), ["x"], HOW)


def test_an_answer_that_holds_no_completion(script: Script) -> None:
    for body in ({}, [], {"choices": []}, {"choices": [{"message": {"content": None}}]}):
        script.answer = lambda _, body=body: (200, body)  # type: ignore[misc]
        with pytest.raises(InputError, match="holds no"):
            answer(endpoint(script), ["x"], HOW)


def test_a_server_that_went_away_is_not_asked_for_everything(script: Script) -> None:
    script.answer = lambda body: (500, {})
    with pytest.raises(RlhfError, match="3 requests in a row failed"):
        answer(endpoint(script, concurrency=1, retries=0), [str(i) for i in range(50)], HOW)
    assert len(script.requests) == 3


def test_prompts_that_are_refused_are_no_sign_of_that(script: Script) -> None:
    script.answer = lambda body: (
        (400, {"error": "too long"}) if int(body["prompt"]) < 10 else completion(body)
    )
    with pytest.raises(InputError, match="answered 5 of 15 prompts"):
        answer(endpoint(script, concurrency=2), [str(i) for i in range(15)], HOW)
    assert len(script.requests) == 15


def test_a_server_that_takes_nothing_is_not_asked_for_everything(script: Script) -> None:
    script.answer = lambda body: (400, {"error": "no such thing"})
    with pytest.raises(RlhfError, match="The first 50 requests were refused"):
        answer(endpoint(script, concurrency=2), [str(i) for i in range(90)], HOW)
    assert len(script.requests) <= 52


def test_breaking_off_cancels_what_is_on_its_way(script: Script) -> None:
    release = threading.Event()

    def reply(body: dict[str, Any]) -> Reply:
        if body["prompt"] != "one":
            release.wait(20)
        return completion(body)

    script.answer = reply

    async def first() -> Any:
        async with Server(endpoint(script)) as server:
            coming = server.complete_all([Wanted(p, p, 0) for p in PROMPTS], HOW)
            found = [item async for item in _until_one(coming)]
            await coming.aclose()
            return found, len(asyncio.all_tasks())

    try:
        found, left = asyncio.run(first())
    finally:
        release.set()
    assert [wanted.name for wanted, _ in found] == ["one"]
    assert left == 1


async def _until_one(coming: Any) -> Any:
    async for item in coming:
        if item is not None:
            yield item
            return
