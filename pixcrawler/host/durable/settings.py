"""The durableTask section of host.json: hub name and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pixcrawler.host.durable.errors import SettingsInvalid

DEFAULT_HUB = "TestHubName"
"""What Core Tools call the hub when host.json does not."""

_HUB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")
_MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class DurableSettings:
    """How the task hub runs.

    ``episode_pacing`` is the rest after a long episode, as a multiple of its duration, so that
    completions pile up and the next replay is worth its price; 0 turns it off.
    Timers longer than ``short_timer`` are split by the SDK into parts of ``long_timer_part``.
    """

    hub_name: str = DEFAULT_HUB
    activities_at_once: int = 20
    orchestrators_at_once: int = 10
    entities_at_once: int = 10
    episode_pacing: float = 2.0
    activity_tries: int = 5
    episode_tries: int = 5
    short_timer: timedelta = timedelta(days=6)
    long_timer_part: timedelta = timedelta(days=3)

    @classmethod
    def from_host_json(cls, host_json: Mapping[str, Any]) -> DurableSettings:
        """Read ``extensions.durableTask``; keys that mean nothing here are passed over.

        Args:
            host_json: the whole file, with ``%NAME%`` already resolved.

        Raises:
            SettingsInvalid: the hub name is unresolved or not one that Azure takes, or a limit
                is not a number from 1 to 1,000.

        Source: learn.microsoft.com, "Durable Functions host.json reference": hub names are 3 to
        45 letters and digits and start with a letter.
        """
        section = _section(_section(host_json, "extensions"), "durableTask")
        plain = {str(key).lower(): value for key, value in section.items()}
        return cls(
            hub_name=_hub_name(plain.get("hubname", DEFAULT_HUB)),
            activities_at_once=_limit(plain, "maxConcurrentActivityFunctions", 20),
            orchestrators_at_once=_limit(plain, "maxConcurrentOrchestratorFunctions", 10),
            entities_at_once=_limit(plain, "maxConcurrentEntityFunctions", 10),
        )


def _section(owner: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    plain = {str(key).lower(): value for key, value in owner.items()}
    found = plain.get(name.lower(), {})
    if not isinstance(found, Mapping):
        raise SettingsInvalid(f"host.json: {name} must be an object, not {type(found).__name__}.")
    return found


def _hub_name(value: Any) -> str:
    if isinstance(value, str) and "%" in value:
        raise SettingsInvalid(
            f"host.json: the durableTask hubName {value!r} is not resolved. Set the variable it"
            " names in local.settings.json or in the environment."
        )
    if not isinstance(value, str) or _HUB_NAME.fullmatch(value) is None:
        raise SettingsInvalid(
            f"host.json: {value!r} is no durableTask hubName. It must have 3 to 45 letters and"
            " digits and start with a letter."
        )
    return value


def _limit(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name.lower(), default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_AT_ONCE:
        raise SettingsInvalid(
            f"host.json: durableTask {name} must be a whole number from 1 to {_MOST_AT_ONCE},"
            f" not {value!r}."
        )
    return value
