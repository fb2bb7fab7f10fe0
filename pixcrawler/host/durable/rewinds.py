"""Rewriting a failed history so that what failed runs again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixcrawler.host.durable.history import NAMES, Event, Kind

_ATTEMPTS = frozenset({Kind.TASK_SCHEDULED, Kind.TASK_FAILED, Kind.SUB_CREATED, Kind.SUB_FAILED})


def rewound(
    history: Sequence[Event], can_rewind_child: Callable[[str], bool]
) -> tuple[list[Event], list[str]]:
    """The history without its failures, and the children that must be rewound as well.

    Failed activities lose both their events, so that replay schedules them anew. A failed
    sub-orchestration keeps the event that created it, because the child itself goes on and will
    report again; when the child is gone, it is created anew.

    Args:
        history: all events of a failed instance.
        can_rewind_child: whether the instance of this id exists and has failed.

    Returns:
        As many events as before; rewritten ones are GenericEvents. Then the children's ids.
    """
    failed = {
        item["TaskScheduledId"]
        for item in history
        if item["EventType"] in (Kind.TASK_FAILED, Kind.SUB_FAILED)
    }
    children = [
        item["InstanceId"]
        for item in history
        if item["EventType"] == Kind.SUB_CREATED
        and item["EventId"] in failed
        and can_rewind_child(item["InstanceId"])
    ]
    kept = set(children)

    def goes(item: Event) -> bool:
        kind = item["EventType"]
        if kind == Kind.SUB_CREATED and item["InstanceId"] in kept:
            return False
        if kind in _ATTEMPTS:
            return item.get("TaskScheduledId", item["EventId"]) in failed
        return bool(kind == Kind.EXECUTION_COMPLETED)

    return [_generic(item) if goes(item) else item for item in history], children


def _generic(item: Event) -> Event:
    return {
        "EventType": int(Kind.GENERIC),
        "EventId": -1,
        "IsPlayed": item["IsPlayed"],
        "Timestamp": item["Timestamp"],
        "Data": f"Rewound: {NAMES[item['EventType']]}",
    }
