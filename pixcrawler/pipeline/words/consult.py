"""Consulting: a language model is asked for a job's words; where it fails, a note says so."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from pixcrawler.domain.errors import NotFound, SourceBlocked, SourceChanged, SourceUnavailable
from pixcrawler.domain.job import JobSpec
from pixcrawler.domain.keyword import Keyword, folder_name
from pixcrawler.domain.note import Note
from pixcrawler.domain.storage import BlobRef, words_ref
from pixcrawler.domain.wording import wording_of
from pixcrawler.pipeline.limits import CONSULT_BUDGET_S, CONSULT_TOGETHER, CONSULT_TROUBLES
from pixcrawler.pipeline.ports import BlobStore
from pixcrawler.pipeline.words.ports import WordAsk, WordSource
from pixcrawler.pipeline.words.terms import clean_terms

FELL_BACK = "expansion_fell_back"
NOT_SET_UP = Note(
    code=FELL_BACK,
    subject="model",
    message="No language model is set up here (setting WORDS_URL): templates are used instead.",
)
_NAMES_SHOWN = 5
_CAUSES_SHOWN = 3
_TERMS = TypeAdapter(tuple[str, ...])
_KEYWORD: TypeAdapter[str] = TypeAdapter(Keyword)


@dataclass(frozen=True)
class Consulted:
    """What came of it."""

    keywords: Mapping[str, tuple[str, ...]]
    """By category: as the job has them, or made from its topic."""
    variations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By keyword; none where templates must do."""
    notes: tuple[Note, ...] = ()


def notes_at_creation(spec: JobSpec, *, has_model: bool) -> tuple[Note, ...]:
    """Return what is known before a job starts; its expansion comes to the same."""
    return (NOT_SET_UP,) if spec.expand.mode == "model" and not has_model else ()


def consult(
    spec: JobSpec,
    source: WordSource | None,
    blobs: BlobStore,
    is_given_up: Callable[[], bool] = lambda: False,
) -> Consulted:
    """Ask ``source`` for a job's words; whatever goes wrong with it ends in a note.

    Answers are kept in storage for all jobs, so that the same question is asked once. Nothing
    more is asked once ``is_given_up`` says that it would be in vain.

    Raises:
        StorageUnavailable: answers can neither be looked up nor kept.
    """
    if spec.expand.mode != "model":
        return Consulted(spec.keywords)
    if source is None:
        return Consulted(spec.keywords, notes=notes_at_creation(spec, has_model=False))
    deadline = time.monotonic() + CONSULT_BUDGET_S
    consultation = _Consultation(source, blobs, deadline, is_given_up)
    answers: list[_Answer] = []
    keywords = spec.keywords
    if spec.topic and not spec.categories:
        (category,) = keywords
        answers = consultation.answers([_topic_ask(spec, category)])
        keywords = {category: _keywords_of(spec.topic, answers[0].terms, spec)}
    words = dict.fromkeys(word for group in keywords.values() for word in group)
    asks = [_variations_ask(spec, wording_of(word).label) for word in words]
    given = consultation.answers(asks)
    variations = {word: answer.terms for word, answer in zip(words, given, strict=True)}
    return Consulted(keywords, variations, _notes([*answers, *given]))


def _topic_ask(spec: JobSpec, topic: str) -> WordAsk:
    expand = spec.expand
    return WordAsk(topic, "topic", expand.keywords, expand.intent, spec.filters.language)


def _variations_ask(spec: JobSpec, label: str) -> WordAsk:
    expand = spec.expand
    return WordAsk(label, "variations", expand.per_keyword, expand.intent, spec.filters.language)


def _keywords_of(topic: str, terms: Sequence[str], spec: JobSpec) -> tuple[str, ...]:
    """The terms that a job file could have for keywords, each folder once.

    The topic itself is one when there is no other, or when there are translations of it.
    """
    wording = wording_of(topic)
    keywords: dict[str, str] = {}
    for term in terms:
        try:
            keyword = _KEYWORD.validate_python(term)
        except ValidationError:
            continue
        if not wording.leaves_out(keyword):
            keywords.setdefault(folder_name(wording_of(keyword).label), keyword)
    if not keywords or topic in spec.expand.translations:
        keywords[folder_name(wording.label)] = topic
    return tuple(keywords.values())


@dataclass(frozen=True)
class _Answer:
    """What was said to one question, or why nothing was."""

    ask: WordAsk
    terms: tuple[str, ...] = ()
    cause: str = ""


@dataclass
class _Consultation:
    """The questions of one job, a few at a time, until its time is up."""

    source: WordSource
    blobs: BlobStore
    deadline: float
    """On the monotonic clock."""
    is_given_up: Callable[[], bool]
    troubles: list[str] = field(default_factory=list)
    """Causes for which no answer came at all."""

    def answers(self, asks: Sequence[WordAsk]) -> list[_Answer]:
        """Return an answer to each question, in their order."""
        with ThreadPoolExecutor(CONSULT_TOGETHER) as threads:
            return list(threads.map(self._answer, asks))

    def _answer(self, ask: WordAsk) -> _Answer:
        place = words_ref(_digest(self.source.name, ask))
        terms = self._kept(ask, place)
        if terms:
            return _Answer(ask, terms)
        try:
            terms = clean_terms(self._said(ask), ask.about, ask.count)
        except (SourceUnavailable, SourceBlocked, SourceChanged) as error:
            return _Answer(ask, cause=str(error))
        if not terms:
            return _Answer(ask, cause="it gave no words that can be searched for")
        self.blobs.put(place, _TERMS.dump_json(terms), "application/json")
        return _Answer(ask, terms)

    def _said(self, ask: WordAsk) -> tuple[str, ...]:
        """What the source says, unless it is not worth asking any more."""
        if len(self.troubles) >= CONSULT_TROUBLES:
            raise SourceUnavailable(self.troubles[-1])
        if self.is_given_up():
            raise SourceUnavailable("the job was given up")
        if time.monotonic() > self.deadline:
            raise SourceUnavailable("there was no time left to ask it")
        try:
            return self.source.words(ask)
        except SourceUnavailable as error:
            self.troubles.append(str(error))
            raise

    def _kept(self, ask: WordAsk, place: BlobRef) -> tuple[str, ...]:
        """What was said before; nothing when that cannot be read."""
        try:
            kept = _TERMS.validate_json(self.blobs.get(place))
        except (NotFound, ValidationError):
            return ()
        return clean_terms(kept, ask.about, ask.count)


def _digest(source: str, ask: WordAsk) -> str:
    question = [source, ask.about, ask.kind, ask.count, ask.intent, ask.language]
    return hashlib.sha256(json.dumps(question).encode()).hexdigest()


def _notes(answers: Sequence[_Answer]) -> tuple[Note, ...]:
    """One note about everything that was not answered."""
    failed = [answer for answer in answers if answer.cause]
    if not failed:
        return ()
    names = list(dict.fromkeys(answer.ask.about for answer in failed))
    listed = ", ".join(names[:_NAMES_SHOWN])
    if len(names) > _NAMES_SHOWN:
        listed += f" and {len(names) - _NAMES_SHOWN} more"
    causes = list(dict.fromkeys(answer.cause for answer in failed))
    message = (
        f"The language model gave no words for {listed}: {'; '.join(causes[:_CAUSES_SHOWN])}. "
        "Templates are used there instead."
    )
    return (Note(code=FELL_BACK, subject="model", message=message[:1000]),)
