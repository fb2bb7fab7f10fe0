"""Durable Functions on SQLite, by the v1 out-of-process protocol."""

from pixcrawler.host.durable.errors import SettingsInvalid, StoreUnusable
from pixcrawler.host.durable.host import DurableHost
from pixcrawler.host.durable.settings import DurableSettings

__all__ = ["DurableHost", "DurableSettings", "SettingsInvalid", "StoreUnusable"]
