"""What keeps the host from starting or running on, each with its exit code."""

from __future__ import annotations


class HostError(Exception):
    """The host cannot start; the message is one sentence for the person at the terminal."""

    exit_code = 1


class Occupied(HostError):
    """Another program is in the way: the port or the state folder is taken."""

    exit_code = 3


class AppNotLoaded(HostError):
    """The function app does not load; the message carries the worker's own words."""

    exit_code = 4
