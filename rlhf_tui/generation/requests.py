"""Requests to a server that may be busy, slow, away or wrong: retries, and refusals as sentences.

What may pass by itself (busy, overloaded, a broken connection, an answer cut off) is tried again
with growing waits; what will not (a wrong key, an unknown model) ends everything at once.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from typing import Any

import httpx2
import msgspec

from rlhf_tui import __version__
from rlhf_tui.config.endpoints import KEY_VARIABLES
from rlhf_tui.errors import InputError, nearest

FIRST_WAIT_S = 0.5
"""Doubled with every further try, and drawn between half of it and all of it, so that many
requests that failed together do not come back together."""
LONGEST_WAIT_S = 30.0
LONGEST_ASKED_S = 600.0
"""A server that asks for more patience than this (Retry-After) is taken for away."""
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that another try may change; 529 is 'overloaded' at some providers."""
SHOWN = 300
"""Characters of a server's own words that are passed on."""


class Unanswered(Exception):
    """One request was refused, or failed after all its retries; others may go well.

    Attributes:
        reason: a sentence.
        status: the HTTP status; 0 where there was none.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Passing(Exception):
    """A failure that another try may mend; `wait` is what the server asks for, in seconds."""

    def __init__(self, reason: str, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.wait = wait


class Requests:
    """Requests under one base address."""

    def __init__(
        self, url: str, *, key: str, concurrency: int, retries: int, timeout: float
    ) -> None:
        self.retried = 0
        self._url = url
        self._key = key
        self._retries = retries
        headers = {"User-Agent": f"rlhf-tui/{__version__}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._client = httpx2.AsyncClient(
            headers=headers,
            # Reading alone can take long: the rest is done in moments, or not at all.
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 20.0), pool=None),
            limits=httpx2.Limits(max_connections=concurrency),
        )
        self._jitter = random.Random()

    async def close(self) -> None:
        await self._client.aclose()

    async def models(self, *, needed: bool) -> list[str] | None:
        """Names of the server's models; None where it does not list them.

        Args:
            needed: wait for a server that is still loading. Otherwise it is enough that there is
                one: some cannot list their models, and answer all the same.

        Raises:
            InputError: it is away, or refuses the key.
        """
        try:
            # Nothing is lost yet, so a server that is not there is told at once.
            body = await self._persist(
                "GET", "/models", None, "", patient=False, retries=self._retries if needed else 0
            )
        except Unanswered as refusal:
            if refusal.status in (404, 405, 501) or (refusal.status and not needed):
                return None
            raise InputError(
                f"The server at {self._url} cannot be used: {refusal.reason}",
                hint="Is it running, and is the address right?",
            ) from None
        entries = body.get("data") if isinstance(body, dict) else None
        if not isinstance(entries, list):
            return None
        return [entry["id"] for entry in entries if isinstance(entry, dict) and "id" in entry]

    async def post(self, route: str, body: dict[str, Any], model: str) -> Any:
        """The JSON that answers a request.

        Raises:
            Unanswered: it was refused, or failed after all retries.
            InputError: the key is refused, or the server lacks the model or the route: so it
                would be with every other request.
        """
        return await self._persist("POST", route, body, model, patient=True, retries=self._retries)

    async def _persist(
        self,
        method: str,
        route: str,
        body: dict[str, Any] | None,
        model: str,
        *,
        patient: bool,
        retries: int,
    ) -> Any:
        wait = FIRST_WAIT_S
        tried = 0
        while True:
            tried += 1
            last = tried > retries
            try:
                return await self._once(method, route, body, model)
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = Passing(self._clean(f"It cannot be reached ({_words(error)})."))
                last = last or not patient
            except httpx2.TimeoutException:
                failure = Passing(f"It gave no answer within {self._timeout:g} s.")
            except httpx2.TransportError as error:
                failure = Passing(self._clean(f"The connection broke ({_words(error)})."))
            except Passing as error:
                failure = error
            if last or failure.wait > LONGEST_ASKED_S:
                times = f" Tried {tried} times." if tried > 1 else ""
                raise Unanswered(failure.reason + times, failure.status)
            self.retried += 1
            await asyncio.sleep(failure.wait or wait * self._jitter.uniform(0.5, 1.0))
            wait = min(wait * 2, LONGEST_WAIT_S)

    async def _once(self, method: str, route: str, body: dict[str, Any] | None, model: str) -> Any:
        # A limit for the whole of it: a server that sends a byte now and then never times out.
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.request(method, self._url + route, json=body)
        except TimeoutError:
            raise Passing(f"It gave no answer within {self._timeout:g} s.") from None
        status = response.status_code
        if status in PASSING:
            said = self._said(response)
            raise Passing(f"It answered {status}{said}.", status, _asked_wait(response))
        if status in (401, 403):
            raise InputError(self._refusal(status), hint=self._key_hint())
        if status == 404 and body is not None:
            await self._raise_missing(response, route, model)
        if response.is_redirect:
            raise InputError(
                f"The server at {self._url} sends requests elsewhere ({status}).",
                hint=f"Name the address itself: {response.headers.get('location', '')}",
            )
        if not response.is_success:
            raise Unanswered(f"It answered {status}{self._said(response)}.", status)
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            raise Passing("Its answer is not JSON.", status) from None

    async def _raise_missing(self, response: httpx2.Response, route: str, model: str) -> None:
        """Tell a server without the model from one without the route.

        Raises:
            InputError: always.
        """
        listed = await self.models(needed=False)
        said = self._said(response)
        if (listed and model not in listed) or "model" in said.lower():
            known = nearest(model, listed) if listed else ""
            raise InputError(f"The server at {self._url} has no model {model!r}{said}.", hint=known)
        kind = "conversations" if "chat" in route else "text prompts"
        raise InputError(
            f"The server at {self._url} has no {route}, which {kind} need{said}.",
            hint="Most servers listen under /v1, as in: http://localhost:8000/v1",
        )

    def _refusal(self, status: int) -> str:
        if not self._key:
            return f"The server at {self._url} wants a key ({status})."
        return f"The server at {self._url} does not accept the key ({status})."

    def _key_hint(self) -> str:
        first, second = KEY_VARIABLES
        if not self._key:
            return f"Set {first} (or {second}) in the environment of the command."
        return f"It was read from the environment: {first}, or {second} where that is not set."

    def _said(self, response: httpx2.Response) -> str:
        """The server's own words behind a colon, without the key; empty where it has none."""
        try:
            body = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            return ""
        error = body.get("error", body) if isinstance(body, dict) else body
        if isinstance(error, dict):
            error = error.get("message") or error.get("detail") or ""
        text = error if isinstance(error, str) else msgspec.json.encode(error).decode()
        shown = self._clean(" ".join(text.split())[:SHOWN].rstrip(". "))
        return f": {shown}" if shown else ""

    def _clean(self, text: str) -> str:
        """A text in which the key does not stand, should a server repeat it."""
        return text.replace(self._key, "***") if self._key else text


def _words(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _asked_wait(response: httpx2.Response) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date; 0 without one."""
    asked = response.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
