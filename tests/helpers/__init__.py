"""Helpers that several rooms' tests share: waiting with a deadline, and the command line."""

from helpers.cli import Cli, Result, refused
from helpers.waiting import wait_until

__all__ = ["Cli", "Result", "refused", "wait_until"]
