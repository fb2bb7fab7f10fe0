"""Stands in for the durable client: knows which stories there are, remembers what was asked."""

from __future__ import annotations

from typing import Any

from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus


class Stories:
    """The parts of the durable client that the app uses, with real status values."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.statuses: dict[str, str] = {}
        """Runtime status by instance id; change it to end a story."""
        self.events: list[tuple[str, str, Any]] = []
        self.is_away = False

    async def get_status(self, instance_id: str) -> DurableOrchestrationStatus:
        """Tell the status; one without an instance when there is none, as the real client."""
        if self.is_away:
            raise OSError("no host")
        if instance_id not in self.statuses:
            return DurableOrchestrationStatus()
        return DurableOrchestrationStatus(
            instanceId=instance_id,
            createdTime="2026-05-01T12:00:00Z",
            runtimeStatus=self.statuses[instance_id],
        )

    async def start_new(self, name: str, instance_id: str, given: dict[str, Any]) -> str:
        """Start a story that runs."""
        self.started.append((name, instance_id, given))
        self.statuses[instance_id] = "Running"
        return instance_id

    async def raise_event(self, instance_id: str, name: str, data: Any) -> None:
        """Take an event."""
        self.events.append((instance_id, name, data))
