"""What the task hub refuses, each with the words a person can act on."""

from __future__ import annotations


class DurableRefused(ValueError):
    """The caller asked for something that cannot be done; the message says why."""


class FunctionUnknown(DurableRefused):
    """No orchestrator, activity or entity function of that name is in the app."""


class InstanceIdInvalid(DurableRefused):
    """The instance id has characters or a length that an id may not have."""


class InstanceInUse(DurableRefused):
    """An instance with that id exists and has not finished."""


class InstanceMissing(DurableRefused):
    """No instance has that id."""


class OperationNotPossible(DurableRefused):
    """The instance exists, but its state does not allow the operation."""


class SettingsInvalid(ValueError):
    """The durableTask section of host.json cannot be used."""


class StoreUnusable(RuntimeError):
    """The task hub's file cannot be used: wrong schema version, or in use elsewhere."""
