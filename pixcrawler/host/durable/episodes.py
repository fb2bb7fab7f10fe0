"""Episodes: an instance reads its messages, its function runs once more, the outcome is kept."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict

from azure.functions.meta import Datum

from pixcrawler.host.calls import FunctionFailed, WorkerLost
from pixcrawler.host.durable.commits import Episode, commit
from pixcrawler.host.durable.errors import FunctionUnknown
from pixcrawler.host.durable.history import Event, Kind, event
from pixcrawler.host.durable.hub import ORCHESTRATOR, Hub
from pixcrawler.host.durable.outcome import CONTINUED, Outcome, judge
from pixcrawler.host.durable.story import Told, context_json, read_failure, read_state
from pixcrawler.host.durable.tables import Instance

_log = logging.getLogger(__name__)

_SHORT_EPISODE_S = 0.02
_LONGEST_REST_S = 0.5


class HistoryCache:
    """Histories of instances that are awake, the latest used ones; bounded in both sizes."""

    def __init__(self, most_events: int = 100_000, most_instances: int = 1_000) -> None:
        self._most = most_events
        self._most_instances = most_instances
        self._kept: OrderedDict[str, list[Event]] = OrderedDict()

    def get(self, instance_id: str) -> list[Event] | None:
        """The events, if they are here."""
        kept = self._kept.get(instance_id)
        if kept is not None:
            self._kept.move_to_end(instance_id)
        return kept

    def put(self, instance_id: str, events: list[Event]) -> None:
        """Keep these; the ones used longest ago make room."""
        self._kept[instance_id] = events
        total = sum(len(kept) for kept in self._kept.values())
        while len(self._kept) > 1 and (
            total > self._most or len(self._kept) > self._most_instances
        ):
            total -= len(self._kept.popitem(last=False)[1])

    def drop(self, instance_id: str) -> None:
        """Forget them: they ended, or somebody rewrote them."""
        self._kept.pop(instance_id, None)


class Episodes:
    """Runs the episodes of all instances; a lane sees to it that each has one at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._losses: dict[str, int] = {}
        self.cache = HistoryCache()

    async def turn(self, instance_id: str) -> float:
        """One episode of one instance, if there is anything to read.

        Returns:
            Seconds before the next one: after a long episode completions should pile up.
        """
        self._hub.activities.flush()
        episode = self._open(instance_id)
        if episode is None:
            return 0.0
        started = time.perf_counter()
        told = await self._tell(episode)
        if told is None:
            self._hub.wake_instance(instance_id)
            return 0.0
        outcome = judge(episode.instance, episode.past, episode.fresh, told)
        commit(self._hub, episode, outcome)
        if outcome.is_final or outcome.status == CONTINUED:
            self.cache.drop(instance_id)
        self._report(episode, outcome)
        return self._rest(time.perf_counter() - started)

    def _open(self, instance_id: str) -> Episode | None:
        store = self._hub.store
        messages = store.inbox.due(instance_id, time.time())
        if not messages:
            return None
        read = [number for number, _, _ in messages]
        instance = store.instances.get(instance_id)
        fresh: list[Event] = []
        if instance is not None and not instance.is_finished:
            current = (None, instance.execution)
            fresh = [item for _, execution, item in messages if execution in current]
        if instance is None or not fresh:
            with store.tx():
                store.inbox.drop(read)
            return None
        # The SDK wants ExecutionStarted as the second event of all.
        fresh.sort(key=lambda item: item["EventType"] != Kind.EXECUTION_STARTED)
        fresh.insert(0, event(Kind.ORCHESTRATOR_STARTED))
        return Episode(instance, self._past(instance), fresh, read)

    def _past(self, instance: Instance) -> list[Event]:
        past = self.cache.get(instance.id)
        if past is None:
            past = self._hub.store.history.of(instance.id)
            self.cache.put(instance.id, past)
        return past

    async def _tell(self, episode: Episode) -> Told | None:
        """Run the orchestrator function; None when its worker died and it may run again."""
        instance = episode.instance
        if any(item["EventType"] == Kind.EXECUTION_TERMINATED for item in episode.fresh):
            return Told(actions=[[]])
        try:
            text = context_json(instance, episode.past, episode.fresh, self._hub.settings)
            function = self._hub.registry.find(ORCHESTRATOR, instance.name)
            inputs = {str(function.trigger["name"]): Datum(text, "string")}
            answer = await self._hub.caller.call(function.name, inputs)
        except FunctionFailed as failure:
            told = read_failure(failure.text)
        except WorkerLost:
            return self._lost(instance)
        except (FunctionUnknown, RecursionError) as error:
            told = Told(crash=str(error))
        else:
            told = read_state(None if answer.returned is None else answer.returned.value)
        self._losses.pop(instance.id, None)
        return told

    def _lost(self, instance: Instance) -> Told | None:
        tries = self._losses.pop(instance.id, 0) + 1
        most = self._hub.settings.episode_tries
        if tries >= most:
            return Told(crash=f"its worker process died {tries} times while it ran")
        self._losses[instance.id] = tries
        _log.warning("the worker of an episode of %s died; try %d of %d", instance.id, tries, most)
        return None

    def _rest(self, took_s: float) -> float:
        if took_s <= _SHORT_EPISODE_S:
            return 0.0
        return min(_LONGEST_REST_S, self._hub.settings.episode_pacing * took_s)

    def _report(self, episode: Episode, outcome: Outcome) -> None:
        level = logging.WARNING if outcome.status == "Failed" else logging.DEBUG
        _log.log(
            level,
            "instance %s of %s is %s",
            episode.instance.id,
            episode.instance.name,
            outcome.status,
            extra={"event": "episode.ended", "events": len(episode.past)},
        )
