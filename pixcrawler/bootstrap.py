"""The composition root: the one place where adapters are chosen and built, lazily."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pydantic import SecretStr

from pixcrawler.domain.engine import Access, EngineCard
from pixcrawler.domain.errors import InvariantBroken
from pixcrawler.domain.purpose import Purpose
from pixcrawler.pipeline.engines.ports import EngineDesk, Page, SearchEngine
from pixcrawler.pipeline.ports import BlobStore, DatasetStore, Fetcher, JobKeeper, JobStore
from pixcrawler.pipeline.visits.ports import PlaceholderBook
from pixcrawler.pipeline.words.ports import WordSource
from pixcrawler.settings import Settings

if TYPE_CHECKING:
    from pixcrawler.adapters.engines.uploads.shelf import Shelf
    from pixcrawler.adapters.postgres.catalogue import PostgresCatalogue
    from pixcrawler.adapters.postgres.estimates import PostgresEstimates
    from pixcrawler.adapters.postgres.hosts import PostgresHosts
    from pixcrawler.adapters.postgres.pool import Database
    from pixcrawler.adapters.supabase.tokens import TokenVerifier
    from pixcrawler.adapters.web.fetch import WebFetcher
    from pixcrawler.pipeline.optout.gate import Gate

# Imports stand inside: importing every SDK costs a second that most functions do not need.
# ruff: noqa: PLC0415

T = TypeVar("T")

_building = threading.RLock()
"""One builder at a time in the whole process: two threads that first import psycopg together
see each other's half-initialised modules, and both fail."""


class Lazy(Generic[T]):
    """A property that is built at its first use, by one thread, and kept."""

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._name = build.__name__
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | Lazy[T]:
        """Return the built thing, which from then on shadows this descriptor."""
        if instance is None:
            return self
        with _building:
            if self._name not in vars(instance):
                vars(instance)[self._name] = self._build(instance)
        built: T = vars(instance)[self._name]
        return built


class World:
    """The outside world, as the pipeline and the functions see it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def clock(self) -> datetime:
        """Return the time now, UTC."""
        return datetime.now(UTC)

    @Lazy
    def blobs(self) -> BlobStore:
        """Working files, datasets and archives."""
        from pixcrawler.adapters.azure.blobs import AzureBlobs

        return AzureBlobs.connect(self.settings.data_storage.get_secret_value())

    @Lazy
    def jobs(self) -> JobStore:
        """Jobs, as the steps see them."""
        from pixcrawler.adapters.postgres.jobs import PostgresJobs

        return PostgresJobs(self._worker_database)

    @Lazy
    def datasets(self) -> DatasetStore:
        """Dataset versions, as the steps see them."""
        from pixcrawler.adapters.postgres.datasets import PostgresDatasets

        return PostgresDatasets(self._worker_database)

    @Lazy
    def keeper(self) -> JobKeeper:
        """Jobs, as the timers see them."""
        from pixcrawler.adapters.postgres.keeper import PostgresKeeper

        return PostgresKeeper(self._worker_database)

    @Lazy
    def catalogue(self) -> PostgresCatalogue:
        """Jobs and datasets, as their owners see them."""
        from pixcrawler.adapters.postgres.catalogue import PostgresCatalogue

        return PostgresCatalogue(self._api_database, self._worker_database)

    @Lazy
    def estimates(self) -> PostgresEstimates:
        """Estimates, and the jobs that they learn from."""
        from pixcrawler.adapters.postgres.estimates import PostgresEstimates

        return PostgresEstimates(self._worker_database)

    @Lazy
    def tokens(self) -> TokenVerifier:
        """Verifies access tokens."""
        from pixcrawler.adapters.supabase.tokens import TokenVerifier

        return TokenVerifier(self.settings.supabase_url, self.settings.supabase_publishable_key)

    @Lazy
    def engine_cards(self) -> Mapping[str, EngineCard]:
        """Every engine that is known, whether it can be used here or not, by name."""
        from pixcrawler.adapters.engines.registry import known_engines
        from pixcrawler.adapters.engines.uploads.engine import UploadsEngine
        from pixcrawler.adapters.engines.urls import UrlsEngine

        cards = [engine.card for engine in known_engines().values()]
        cards += [UrlsEngine.card, UploadsEngine.card]
        return {card.name: self._as_agreed(card) for card in cards}

    def _as_agreed(self, card: EngineCard) -> EngineCard:
        """The card with the quotas of the operator's own agreement, if there is one."""
        quotas = self.settings.engine_quotas.get(card.name, card.quotas)
        return card.model_copy(update={"quotas": quotas})

    @Lazy
    def engines(self) -> Mapping[str, SearchEngine]:
        """Every engine that is set up here, by name; switches are the desk's to know.

        The one for uploads has none: those of a job are in ``engines_of`` its owner.
        """
        from pixcrawler.adapters.engines.registry import known_engines
        from pixcrawler.adapters.engines.searcher import Searcher
        from pixcrawler.adapters.engines.uploads.engine import UploadsEngine
        from pixcrawler.adapters.engines.urls import UrlsEngine
        from pixcrawler.adapters.web.calls.api import Api

        settings = self.settings
        engines: dict[str, SearchEngine] = {
            UrlsEngine.card.name: UrlsEngine(),
            UploadsEngine.card.name: UploadsEngine(self.uploads.of("nobody")),
        }
        urls = {**settings.engine_urls, "local": settings.local_site_url or ""}
        for name, engine in known_engines().items():
            base_url = urls.get(name) or engine.card.base_url
            key = settings.engine_keys.get(name, SecretStr("")).get_secret_value()
            if base_url and (key or engine.card.access is not Access.KEY):
                api = Api(settings.contact, timeout_s=settings.engine_timeout_s)
                quotas = settings.engine_quotas.get(name)
                engines[name] = Searcher(engine(base_url, key), api, self.desk, quotas=quotas)
        return engines

    @Lazy
    def readers(self) -> Mapping[str, Callable[[bytes], Page]]:
        """What each engine that asks somebody makes of a saved answer, by name."""
        from pixcrawler.adapters.engines.registry import known_engines
        from pixcrawler.adapters.engines.saved import read_saved

        return {
            name: partial(read_saved, engine(engine.card.base_url or "https://engine.invalid"))
            for name, engine in known_engines().items()
        }

    def engines_of(self, user_id: str) -> Mapping[str, SearchEngine]:
        """Every engine for the jobs of one user: the one for uploads reads that user's only."""
        from pixcrawler.adapters.engines.uploads.engine import UploadsEngine

        own = UploadsEngine(self.uploads.of(user_id))
        return {**self.engines, own.card.name: own}

    @Lazy
    def uploads(self) -> Shelf:
        """The users' own lists and archives."""
        from pixcrawler.adapters.engines.uploads.shelf import Shelf

        return Shelf(self.blobs)

    @Lazy
    def words(self) -> WordSource | None:
        """The language model for keywords, if one is set up."""
        from pixcrawler.adapters.words.connect import connect

        settings = self.settings
        if not settings.words_url:
            return None
        key = settings.words_key.get_secret_value()
        return connect(
            settings.words_url,
            settings.words_model,
            key,
            settings.words_api,
            settings.words_timeout_s,
        )

    @Lazy
    def desk(self) -> EngineDesk:
        """What all workers know together of the engines."""
        from pixcrawler.adapters.postgres.desk import PostgresDesk
        from pixcrawler.pipeline.engines.desk_rules import LATE_S

        # A request may be redirected three times: four waits at most.
        lost_after_s = 4 * self.settings.engine_timeout_s + LATE_S
        return PostgresDesk(self._worker_database, lost_after_s=lost_after_s)

    @Lazy
    def hosts(self) -> PostgresHosts:
        """What all workers know together of the hosts they visit."""
        from pixcrawler.adapters.postgres.hosts import PostgresHosts

        return PostgresHosts(self._worker_database)

    @Lazy
    def placeholders(self) -> PlaceholderBook:
        """Pictures that hosts are known to give instead of others."""
        from pixcrawler.adapters.postgres.placeholders import PostgresPlaceholders

        return PostgresPlaceholders(self._worker_database)

    def fetcher_of(self, user_id: str, purpose: Purpose) -> Fetcher:
        """Downloads what may be used for a purpose, and reads one user's uploads."""
        from pixcrawler.adapters.engines.uploads.fetcher import UploadsFetcher

        return UploadsFetcher(self.uploads.of(user_id), self.fetcher.gated(self._gates[purpose]))

    @Lazy
    def _gates(self) -> Mapping[Purpose, Gate]:
        from pixcrawler.adapters.web.visiting.signals import further_signals
        from pixcrawler.pipeline.optout.gate import Gate

        further, ignored = further_signals(), self.settings.opt_outs_ignored
        try:
            return {purpose: Gate(purpose, ignored, further) for purpose in Purpose}
        except ValueError as error:
            raise InvariantBroken(f"OPT_OUT_IGNORE: {error}.") from error

    @Lazy
    def fetcher(self) -> WebFetcher:
        """Downloads images from the web."""
        from pixcrawler.adapters.postgres.site_files import PostgresSiteFiles
        from pixcrawler.adapters.web.connecting.guard import origins
        from pixcrawler.adapters.web.fetch import WebFetcher
        from pixcrawler.adapters.web.visiting.visits import VisitLimits

        allowed = self.settings.fetch_allow_origins
        if allowed and os.environ.get("WEBSITE_INSTANCE_ID"):
            raise InvariantBroken("FETCH_ALLOW_ORIGINS opens the address guard: not in Azure.")
        return WebFetcher(
            self.settings.contact,
            desk=self.hosts,
            site_files=PostgresSiteFiles(self._worker_database),
            concurrency=self.settings.fetch_concurrency,
            limits=VisitLimits(
                deadline_s=self.settings.fetch_deadline_s,
                in_flight_per_host=self.settings.fetch_host_at_once,
            ),
            allowed=origins(allowed),
        )

    @Lazy
    def _worker_database(self) -> Database:
        from pixcrawler.adapters.postgres.pool import Database

        return Database(self.settings.database_worker_url.get_secret_value(), "pixcrawler-worker")

    @Lazy
    def _api_database(self) -> Database:
        from pixcrawler.adapters.postgres.pool import Database

        return Database(self.settings.database_api_url.get_secret_value(), "pixcrawler-api")


@cache
def world() -> World:
    """Build the real world once per worker process."""
    # The SDKs tell every request at INFO, two lines each.
    logging.getLogger("azure").setLevel(logging.WARNING)
    # It tells whole addresses, in which an engine's key may stand.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return World(Settings.from_environment(os.environ))
