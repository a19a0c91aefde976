"""Addresses of OpenAI-compatible servers: one form of them, and never a key inside.

An address is written to args.json and beside every completion, so what is secret must not be a
part of it; that is checked before anything is written.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from rlhf_tui.errors import UsageError

VERSION_PATH = "/v1"
KEY_VARIABLES = ("RLHF_TUI_ENDPOINT_KEY", "OPENAI_API_KEY")
"""Environment variables that a key is read from; the first one that is set counts."""
HINT = "Write it as in: http://localhost:8000/v1"
ROUTES = ("/chat/completions", "/completions", "/models")
"""What people copy along from a page that shows a request."""


def base_url(address: str) -> str:
    """The address that requests are made under, without a slash at its end.

    A bare host gets /v1, where all servers of this kind listen; another path is kept as it is.

    Raises:
        UsageError: no http address, or one that holds a name, a password or a query.
    """
    parts = urlsplit(address.strip())
    if parts.username is not None or parts.password is not None:
        # Not shown again: it would end up in a terminal's history of output, or in a log.
        raise UsageError(
            "The endpoint's address holds a user name or a password, which would be stored with"
            " every completion.",
            hint=f"Leave it out, and put a key into the environment as {KEY_VARIABLES[0]}.",
        )
    if parts.query or parts.fragment:
        raise UsageError(
            "The endpoint's address holds a query ('?' or '#'), which would be stored with every"
            " completion.",
            hint=f"Leave it out, and put a key into the environment as {KEY_VARIABLES[0]}.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not _port_is_valid(address):
        raise UsageError(f"{address!r} is not an http address.", hint=HINT)
    path = parts.path.rstrip("/")
    for route in ROUTES:
        path = path.removesuffix(route)
    return urlunsplit((parts.scheme, parts.netloc, path or VERSION_PATH, "", ""))


def check_endpoint(address: str, model: str, prefix: str) -> None:
    """Refuse an address that cannot be used or must not be written down, and a model without one.

    Args:
        prefix: of the options' names: `endpoint` and `endpoint_model` behind it.

    Raises:
        UsageError: as `base_url`, or a model is named and no server.
    """
    if address:
        base_url(address)
    elif model:
        raise UsageError(
            f"{prefix}endpoint_model = {model!r} is a model at a server, and no server is named.",
            hint=f"Name its address as {prefix}endpoint, or leave {prefix}endpoint_model out.",
        )


def _port_is_valid(address: str) -> bool:
    try:
        urlsplit(address.strip()).port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return False
    return True
