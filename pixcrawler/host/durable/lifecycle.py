"""What clients may do to instances: raise, terminate, suspend, resume, rewind, restart, purge."""

from __future__ import annotations

from pixcrawler.host.durable.births import Start, begin
from pixcrawler.host.durable.episodes import Episodes
from pixcrawler.host.durable.errors import InstanceMissing, OperationNotPossible
from pixcrawler.host.durable.history import Event, Kind, event
from pixcrawler.host.durable.hub import Hub
from pixcrawler.host.durable.rewinds import rewound
from pixcrawler.host.durable.tables import Instance


class Lifecycle:
    """The operations on instances. Each is one transaction and takes effect in an episode."""

    def __init__(self, hub: Hub, episodes: Episodes) -> None:
        self._hub = hub
        self._episodes = episodes

    def start(self, start: Start) -> str:
        """Begin a new instance and give its id.

        Raises:
            FunctionUnknown, InstanceIdInvalid, InstanceInUse: see `begin`.
        """
        instance_id = begin(self._hub, start)
        self._episodes.cache.drop(instance_id)
        self._hub.wake_instance(instance_id)
        return instance_id

    def raise_event(self, instance_id: str, name: str, raw: str) -> None:
        """Send an external event; ``raw`` is JSON text. It waits until somebody waits for it."""
        self._send(instance_id, event(Kind.EVENT_RAISED, Name=name, Input=raw))

    def terminate(self, instance_id: str, reason: str | None) -> None:
        """End an instance; ``reason`` becomes its output. What it started runs on, unheard."""
        self._send(instance_id, event(Kind.EXECUTION_TERMINATED, Input=reason))

    def suspend(self, instance_id: str, reason: str | None) -> None:
        """Let an instance hear nothing until it is resumed."""
        self._send(instance_id, event(Kind.EXECUTION_SUSPENDED, Reason=reason))

    def resume(self, instance_id: str, reason: str | None) -> None:
        """Let a suspended instance go on, with all that came meanwhile."""
        self._send(instance_id, event(Kind.EXECUTION_RESUMED, Reason=reason))

    def rewind(self, instance_id: str, reason: str | None) -> None:
        """Let a failed instance run again from what failed.

        Raises:
            InstanceMissing: there is none.
            OperationNotPossible: it has not failed.
        """
        instance = self._existing(instance_id)
        if instance.status != "Failed":
            raise OperationNotPossible(
                "The rewind operation is only supported on failed orchestration instances."
            )
        woken: list[str] = []
        with self._hub.store.tx():
            self._rewind(instance, reason, woken)
        for each in woken:
            self._episodes.cache.drop(each)
            self._hub.wake_instance(each)

    def restart(self, instance_id: str, *, with_new_id: bool) -> str:
        """Begin again with the former input, and give the id of the new instance.

        Raises:
            InstanceMissing: there is none.
            InstanceInUse: it has not finished, and no new id was asked for.
        """
        old = self._existing(instance_id)
        new_id = None if with_new_id else instance_id
        return self.start(Start(old.name, new_id, old.input, old.version))

    def purge(self, instance_id: str) -> bool:
        """Forget a finished instance; False when there is none or it has not finished."""
        instance = self._hub.store.instances.get(instance_id)
        if instance is None or not instance.is_finished:
            return False
        self._hub.store.erase(instance_id)
        self._episodes.cache.drop(instance_id)
        return True

    def purge_all(self, instances: list[Instance]) -> int:
        """Forget those of the instances that have finished, and give their number."""
        with self._hub.store.tx():
            return sum(self.purge(instance.id) for instance in instances)

    def _existing(self, instance_id: str) -> Instance:
        instance = self._hub.store.instances.get(instance_id)
        if instance is None:
            raise InstanceMissing(f"No instance with ID '{instance_id}' found.")
        return instance

    def _send(self, instance_id: str, message: Event) -> None:
        with self._hub.store.tx():
            self._hub.store.inbox.send(instance_id, message)
        self._hub.wake_instance(instance_id)

    def _rewind(self, instance: Instance, reason: str | None, woken: list[str]) -> None:
        store = self._hub.store

        def can_rewind(child_id: str) -> bool:
            child = store.instances.get(child_id)
            return child is not None and child.status == "Failed"

        events, children = rewound(store.history.of(instance.id), can_rewind)
        store.history.clear(instance.id)
        store.history.append(instance.id, 0, events)
        store.instances.progress(instance.id, "Running", None, instance.custom_status)
        store.inbox.send(instance.id, event(Kind.GENERIC, Data=reason))
        woken.append(instance.id)
        for child_id in children:
            child = store.instances.get(child_id)
            if child is not None and child.status == "Failed":
                self._rewind(child, reason, woken)
