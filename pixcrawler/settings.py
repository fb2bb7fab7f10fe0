"""Every setting once: name, type, unit, default, reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from pixcrawler.domain.engine import Quota
from pixcrawler.domain.model import Value
from pixcrawler.pipeline.limits import LINK_MAX_S


def _quotas(written: object) -> object:
    """Read ``100/60,10000/86400``: requests in any so many seconds."""
    if not isinstance(written, str):
        return written
    return tuple(_quota(part) for part in written.split(","))


def _quota(written: str) -> Quota:
    requests, _, seconds = written.partition("/")
    try:
        return Quota(requests=int(requests), seconds=float(seconds))
    except ValueError:
        text = f"must be requests/seconds such as 100/60, each above 0, not {written!r}"
        raise ValueError(text) from None


QuotasText = Annotated[tuple[Quota, ...], BeforeValidator(_quotas)]


class Settings(Value):
    """Settings of one function app, read once from the environment.

    To add one: a field here with its alias, its line in local.settings.example.json and its
    row in README.md (tests compare the three).
    """

    host_storage: SecretStr = Field(alias="AzureWebJobsStorage")
    """Connection string of the host's account: triggers and the task hub."""
    data_storage: SecretStr = Field(alias="DataStorage")
    """Connection string of the data account: work, datasets, archives."""
    database_api_url: SecretStr = Field(alias="DATABASE_API_URL")
    """PostgreSQL address with the login role pixcrawler_api: acts as the caller."""
    database_worker_url: SecretStr = Field(alias="DATABASE_WORKER_URL")
    """PostgreSQL address with the login role pixcrawler_worker: acts as the service."""
    supabase_url: str = Field(alias="SUPABASE_URL")
    """Base address of the Supabase project; access tokens are issued below it."""
    supabase_publishable_key: str = Field(alias="SUPABASE_PUBLISHABLE_KEY")
    """The project's publishable key, sent when the signing keys are fetched."""
    engine_urls: dict[str, str] = Field(alias="ENGINE_URL_*", default_factory=dict)
    """Base address of the engine of that name (ENGINE_URL_OPENVERSE), so that a mirror, a
    reseller or a test can stand in."""
    engine_keys: dict[str, SecretStr] = Field(alias="ENGINE_KEY_*", default_factory=dict)
    """The operator's key for the engine of that name (ENGINE_KEY_FLICKR)."""
    engine_quotas: dict[str, QuotasText] = Field(alias="ENGINE_QUOTA_*", default_factory=dict)
    """What your agreement with the engine of that name allows, instead of what everybody may:
    requests/seconds, comma separated (ENGINE_QUOTA_OPENVERSE=100/60,10000/86400)."""
    words_url: str | None = Field(alias="WORDS_URL", default=None)
    """Address of a language model for `expand.mode: model`; without it templates are used. An
    Azure OpenAI resource (https://R.openai.azure.com) or deployment
    (https://R.openai.azure.com/openai/deployments/D?api-version=V), or an OpenAI-compatible server
    (http://127.0.0.1:11434/v1). https, except on this machine."""
    words_model: str = Field(alias="WORDS_MODEL", default="")
    """The model's name there; of an Azure OpenAI resource the deployment's."""
    words_key: SecretStr = Field(alias="WORDS_KEY", default=SecretStr(""))
    """Its key, for servers that want one."""
    words_api: Literal["auto", "azure_deployment", "azure", "openai"] = Field(
        alias="WORDS_API", default="auto"
    )
    """How it is spoken to where its address does not tell: `azure_deployment`, `azure` or
    `openai`."""
    words_timeout_s: float = Field(alias="WORDS_TIMEOUT_S", default=30.0, gt=0, le=120)
    """Seconds that one question to it may take, repetitions included."""
    local_site_url: str | None = Field(alias="LOCAL_SITE_URL", default=None)
    """Base address of the picture website; without it there is no engine `local`."""
    fetch_allow_origins: str = Field(alias="FETCH_ALLOW_ORIGINS", default="")
    """Origins (http://127.0.0.1:8123, comma separated) that the address guard lets pass although
    they are not public. For development only: the app refuses it in Azure."""
    contact: str = Field(
        alias="CONTACT", default="https://github.com/pixcrawler/pixcrawler", min_length=3
    )
    """Address or mail in the User-Agent, so that a site can reach the operator."""
    fetch_concurrency: int = Field(alias="FETCH_CONCURRENCY", default=64, ge=1, le=256)
    """Downloads in flight in one worker process, over all chunks."""
    fetch_host_at_once: int = Field(alias="FETCH_HOST_AT_ONCE", default=6, ge=1, le=100)
    """Requests at once to one host, over all workers; hosts that state a budget of their own, and
    those with a Crawl-delay, get less."""
    opt_out_ignore: str = Field(alias="OPT_OUT_IGNORE", default="")
    """Opt-out signals that are not looked at (comma separated; receipts name those that were).
    robots.txt cannot be among them."""
    fetch_deadline_s: float = Field(alias="FETCH_DEADLINE_S", default=20.0, gt=0, le=300)
    """Seconds that one image may take in all, redirects included."""
    engine_timeout_s: float = Field(alias="ENGINE_TIMEOUT_S", default=15.0, gt=0, le=120)
    """Seconds that one engine answer may take."""
    link_ttl_s: int = Field(alias="LINK_TTL_S", default=3600, ge=1, le=LINK_MAX_S)
    """Seconds that a download link is good for, unless the caller asks for less."""
    work_grace_h: float = Field(alias="WORK_GRACE_H", default=24.0, ge=0, le=24 * 90)
    """Hours that the working files of an ended job are kept."""
    stuck_after_min: float = Field(alias="STUCK_AFTER_MIN", default=10.0, gt=0)
    """Minutes without a sign of life after which a job is examined."""

    @property
    def opt_outs_ignored(self) -> frozenset[str]:
        """Names of the opt-out signals that are not looked at."""
        return frozenset(name.strip() for name in self.opt_out_ignore.split(",") if name.strip())

    @field_validator("opt_out_ignore")
    @classmethod
    def _robots_count_always(cls, names: str) -> str:
        if "robots.txt" in (name.strip() for name in names.split(",")):
            raise ValueError("robots.txt is always obeyed")
        return names

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Take the settings named above; refuse what does not parse.

        Raises:
            pydantic.ValidationError: a setting is missing or out of its limits.
        """
        given = {name: value for name, value in environment.items() if value != ""}
        names = {str(field.alias) for field in cls.model_fields.values()}
        single = {name: given[name] for name in names if name in given}
        families = {
            name: {
                key.removeprefix(name[:-1]).lower(): value
                for key, value in given.items()
                if key.startswith(name[:-1])
            }
            for name in names
            if name.endswith("*")
        }
        return cls.model_validate({**single, **families})
