"""The Hub's refusals as sentences, none of which holds the token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.hub_server import READER, WRITER, Hub, serving_hub
from huggingface_hub import constants

from rlhf_tui.errors import UsageError
from rlhf_tui.publishing.upload import HubRefused, Pushed, Repository


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving_hub() as made:
        at(monkeypatch, made)
        yield made


def at(monkeypatch: pytest.MonkeyPatch, hub: Hub, token: str = WRITER) -> None:
    """As if the process had been started with these in its environment."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", token)


def push(name: str, folder: Path, *, public: bool = False) -> Pushed:
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    target = Repository(name, "model", show_progress=False)
    target.prepare(public=public)
    return target.push(folder, message="Pushed", replaced=[])


def test_a_name_alone_is_ones_own(tmp_path: Path, hub: Hub) -> None:
    pushed = push("mine", tmp_path)
    assert (pushed.repo, pushed.private, pushed.files) == ("me/mine", True, ["README.md"])
    assert hub.repos["models", "me/mine"].messages == ["Pushed"]


def test_what_is_public_is_written_to_only_when_told(tmp_path: Path, hub: Hub) -> None:
    push("me/open", tmp_path, public=True)
    hub.seen.clear()
    with pytest.raises(UsageError, match=r"is public: .* --public"):
        push("me/open", tmp_path)
    assert not any("commit" in request for request in hub.seen)


def test_what_is_private_stays_so(tmp_path: Path, hub: Hub) -> None:
    push("me/closed", tmp_path)
    again = push("me/closed", tmp_path, public=True)
    assert again.private and "stays private" in again.notes[0]


def test_a_name_that_is_none(hub: Hub) -> None:
    with pytest.raises(UsageError, match="'a b' is no name of a repository"):
        Repository("a b", "model", show_progress=False)


def test_without_a_token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UsageError, match=r"no token .* Set HF_TOKEN .* hf auth login"):
        Repository("me/x", "model", show_progress=False)


@pytest.mark.parametrize("name", ["x", "me/x"])
def test_a_wrong_token_is_not_repeated(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Not even where the Hub does so itself."""
    at(monkeypatch, hub, "hf_wrong")
    with pytest.raises(HubRefused, match=r"does not accept the token \(401\)") as told:
        push(name, tmp_path)
    assert "hf_wrong" not in str(told.value)


@pytest.mark.parametrize(("name", "token"), [("me/x", READER), ("others/x", WRITER)])
def test_a_token_that_may_not_write(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, name: str, token: str
) -> None:
    at(monkeypatch, hub, token)
    with pytest.raises(HubRefused, match=rf"may not write to the model {name} \(403\)"):
        push(name, tmp_path)


def test_the_hubs_own_words_are_passed_on(tmp_path: Path, hub: Hub) -> None:
    hub.broken = 507
    with pytest.raises(HubRefused, match=r"refused the model me/x \(507\): .*storage limit"):
        push("me/x", tmp_path)


def test_a_hub_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving_hub() as hub:
        pass
    at(monkeypatch, hub)
    with pytest.raises(HubRefused, match=rf"at {hub.url} cannot be reached"):
        push("me/x", tmp_path)


def test_offline(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE is set"):
        push("me/x", tmp_path)
