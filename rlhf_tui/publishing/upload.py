"""Folders to the Hugging Face Hub, and its refusals as sentences.

The address is HF_ENDPOINT's; the token comes from HF_TOKEN or `hf auth login`, and is never shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from rlhf_tui.errors import InputError, RlhfError, UsageError
from rlhf_tui.publishing.cards import MARK
from rlhf_tui.publishing.staging import CARD

RepoKind = Literal["model", "dataset"]
LOGIN_HINT = "Set HF_TOKEN in the environment, or log in once with: hf auth login"
SHOWN = 300
"""Characters of the Hub's own words that are passed on."""


class HubRefused(RlhfError):
    """The Hugging Face Hub refused, or cannot be reached."""

    exit_code = 4


class Pushed(msgspec.Struct):
    repo: str
    """With its namespace."""
    url: str
    private: bool
    files: list[str]
    notes: list[str]
    """Sentences on what was decided."""


class Repository:
    """A repository at the Hub that is written to."""

    def __init__(self, name: str, kind: RepoKind, *, show_progress: bool) -> None:
        """Find out who pushes.

        Args:
            name: NAMESPACE/NAME, or NAME alone for one's own namespace.

        Raises:
            UsageError: the name is none, or there is no token.
            HubRefused: the Hub refuses the token, or cannot be reached.
        """
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id
        from huggingface_hub.utils.tqdm import disable_progress_bars

        try:
            validate_repo_id(name)
        except HFValidationError as error:
            words = str(error).split(".")[0]
            raise UsageError(f"{name!r} is no name of a repository: {words}.") from None
        self._token = get_token()
        if not self._token:
            raise UsageError("There is no token for the Hugging Face Hub.", hint=LOGIN_HINT)
        if not show_progress:
            disable_progress_bars()
        self._api = HfApi(token=self._token, library_name="rlhf-tui")
        self.kind: RepoKind = kind
        self.name = name
        self._url = ""
        self._private = True
        self._notes: list[str] = []
        if "/" not in name:
            with self._in_words():
                self.name = f"{self._api.whoami()['name']}/{name}"

    def prepare(self, *, public: bool) -> None:
        """Make the repository if need be.

        Args:
            public: of a new one; one that is public already is written to only with it.

        Raises:
            UsageError: it is public already, and that was not asked for.
            HubRefused: the Hub refuses, or cannot be reached.
        """
        with self._in_words():
            self._url = str(
                self._api.create_repo(
                    self.name, repo_type=self.kind, private=not public, exist_ok=True
                )
            )
            found = self._api.repo_info(self.name, repo_type=self.kind)
        self._private = bool(found.private)
        if not self._private and not public:
            raise UsageError(
                f"{self.name} exists and is public: everyone could read what is pushed there.",
                hint="Say so with --public, or name another repository.",
            )
        if self._private and public:
            self._notes.append(f"{self.name} exists and stays private; change that at {self._url}")

    def push(self, folder: Path, *, message: str, replaced: list[str]) -> Pushed:
        """Put a folder's files into the prepared repository as one change.

        Args:
            replaced: patterns of files there that go when the folder does not hold them.

        Raises:
            HubRefused: the Hub refuses, or cannot be reached.
        """
        with self._in_words():
            if self._has_own_card():
                (folder / CARD).unlink()
                self._notes.append(
                    f"{self.name} has a {CARD} that somebody wrote; it was left as it is."
                )
            files = sorted(
                str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
            )
            self._api.upload_folder(
                repo_id=self.name,
                folder_path=folder,
                repo_type=self.kind,
                commit_message=message,
                delete_patterns=replaced,
            )
        return Pushed(self.name, self._url, self._private, files, self._notes)

    def _has_own_card(self) -> bool:
        """Whether a person wrote the card that is there; the Hub's own empty one does not count."""
        if not self._api.file_exists(self.name, CARD, repo_type=self.kind):
            return False
        path = self._api.hf_hub_download(self.name, CARD, repo_type=self.kind)
        text = Path(path).read_text(encoding="utf-8")
        return bool(text.strip()) and MARK not in text

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Turn the Hub's failures into sentences."""
        import httpx2
        from huggingface_hub import constants
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        try:
            yield
        except OfflineModeIsEnabled:
            raise UsageError(
                "HF_HUB_OFFLINE is set, so nothing can be pushed.", hint="Unset it."
            ) from None
        except HfHubHTTPError as error:
            raise self._refusal(error, f"{self.kind} {self.name}") from None
        except (httpx2.TransportError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
                raise InputError(f"What is pushed cannot be read: {error}.") from None
            words = self._clean(str(error).strip().rstrip(".")) or type(error).__name__
            hint = "Push again once it can; files that are there already are not sent twice."
            if "xet-write-token" in words:
                hint = "A Hub of your own without Xet storage: set HF_HUB_DISABLE_XET=1."
            raise HubRefused(
                f"The Hugging Face Hub at {constants.ENDPOINT} cannot be reached: {words}.",
                hint=hint,
            ) from None

    def _refusal(self, error: Any, about: str) -> HubRefused:
        status = error.response.status_code if error.response is not None else 0
        said = self._clean((error.server_message or "").strip().rstrip("."))[:SHOWN]
        words = f": {said}" if said else ""
        if status == 401:
            return HubRefused(
                f"The Hugging Face Hub does not accept the token (401){words}.", hint=LOGIN_HINT
            )
        if status == 403:
            return HubRefused(
                f"The token may not write to the {about} (403){words}.",
                hint="Use a token with write access to it: https://huggingface.co/settings/tokens",
            )
        if status == 404:
            return HubRefused(
                f"The Hugging Face Hub has no {about}, or does not show it to you (404){words}."
            )
        return HubRefused(f"The Hugging Face Hub refused the {about} ({status}){words}.")

    def _clean(self, text: str) -> str:
        return " ".join(text.replace(self._token or "\0", "***").split())
