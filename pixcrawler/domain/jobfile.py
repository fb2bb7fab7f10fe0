"""The job file as people write it: synonyms, shorthands, and every mistake told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pixcrawler.domain.errors import InvalidRequest, Violation
from pixcrawler.domain.job import (
    DEFAULT_ENGINES,
    MAX_KEYWORDS,
    MAX_TRANSLATIONS,
    MAX_UPLOADS,
    MAX_URLS,
    UPLOAD_ENGINE,
    URL_ENGINE,
    JobSpec,
)
from pixcrawler.domain.keyword import Keyword, folder_name
from pixcrawler.domain.wording import wording_of

SHOWN_CHARS = 200
"""Of a refused value, in an error."""

# Words that people also use, and ours for them. They are written back in our form.
_SYNONYMS = {"dataset_name": "name", "search_engines": "engines", "project_name": "project"}
_LEVELS = {"fast": "basic", "medium": "standard", "slow": "strict"}
_MESSAGES = {"extra_forbidden": "is not a field that is known here"}
"""Instead of pydantic's words, where these do not help who wrote the file."""
_KEYWORDS = TypeAdapter(tuple[Keyword, ...])
_OWN = {"urls": URL_ENGINE, "uploads": UPLOAD_ENGINE}
"""Fields with what the user brings along, and the engines that read them."""


def parse_job(given: Any) -> JobSpec:
    """Return the job file ``given`` (already parsed from JSON or YAML) in its normal form.

    ``keywords: [robin, wren]`` is one category a word; ``urls`` and ``uploads`` may be plain lists.

    Raises:
        InvalidRequest: with one violation for each broken rule: field, rule, value, message.
    """
    if not isinstance(given, Mapping):
        raise _refused(_broken("(whole document)", "object_type", given, "must be an object"))
    fields, broken = _in_our_words(given)
    told = {violation.field.split(".")[0] for violation in broken}
    try:
        spec = JobSpec.model_validate(fields)
    except ValidationError as error:
        broken += [v for v in violations_of(error) if not _follows_from(v, told)]
        raise _refused(*broken) from None
    across = _rules_across_fields(spec, _words_field(given))
    broken += [v for v in across if not _follows_from(v, told)]
    if broken:
        raise _refused(*broken)
    return spec


def violations_of(error: ValidationError) -> list[Violation]:
    """Every broken rule that pydantic found, in our shape; long names and values are cut."""
    return [
        _broken(
            ".".join(str(part)[:SHOWN_CHARS] for part in found["loc"]) or "(whole document)",
            found["type"],
            found.get("input"),
            _MESSAGES.get(found["type"])
            or found["msg"].removeprefix("Value error, ").removeprefix("Input "),
        )
        for found in error.errors(include_url=False, include_context=False)
    ]


def _in_our_words(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
    fields = dict(given)
    broken: list[Violation] = []
    for theirs, ours in _SYNONYMS.items():
        if theirs in fields:
            if ours in fields:
                text = f"is the same field as {ours}: give one of them"
                broken.append(_broken(theirs, "synonym", fields[theirs], text))
            fields.setdefault(ours, fields.pop(theirs))
    if "keywords" in fields:
        broken += _keywords_to_categories(fields)
    for own in _OWN:
        if isinstance(fields.get(own), list | tuple):
            name = fields.get("name")
            fields[own] = {name if isinstance(name, str) else "images": fields[own]}
    level = fields.get("validation_level")
    if isinstance(level, str):
        fields["validation_level"] = _LEVELS.get(level, level)
    _add_own_engines(fields)
    _name_by_first_word(fields)
    return fields, broken


def _keywords_to_categories(fields: dict[str, Any]) -> list[Violation]:
    words = fields.pop("keywords")
    if "categories" in fields:
        return [_broken("keywords", "synonym", words, "give keywords or categories, not both")]
    if not isinstance(words, list | tuple):
        return [_broken("keywords", "list_type", words, "must be a list of words")]
    try:
        plain = _KEYWORDS.validate_python(words)
    except ValidationError as error:
        return [v.model_copy(update={"field": f"keywords.{v.field}"}) for v in violations_of(error)]
    if not plain:
        return [_broken("keywords", "too_short", words, "must have at least one word")]
    categories: dict[str, list[str]] = {}
    for word in dict.fromkeys(plain):
        categories.setdefault(wording_of(word).label, []).append(word)
    fields["categories"] = categories
    return []


def _add_own_engines(fields: dict[str, Any]) -> None:
    """What the user brings along is read without being asked for; alone, nothing else is."""
    missing = [engine for own, engine in _OWN.items() if fields.get(own)]
    has_words = fields.get("categories") or fields.get("topic")
    engines = fields.get("engines", DEFAULT_ENGINES if has_words else ())
    if missing and isinstance(engines, list | tuple):
        fields["engines"] = (*engines, *(name for name in missing if name not in engines))


def _name_by_first_word(fields: dict[str, Any]) -> None:
    named = fields.get("categories") or fields.get("urls") or fields.get("uploads")
    if "name" not in fields and isinstance(named, Mapping) and named:
        first = next(iter(named))
        fields["name"] = first[:80] if isinstance(first, str) else first
    elif "name" not in fields:
        fields["name"] = _named_by(fields.get("topic"))


def _named_by(topic: Any) -> str:
    """The topic without its signs; one that names nothing is told as a mistake of its own."""
    try:
        name = wording_of(topic).label[:80] if isinstance(topic, str) else ""
    except ValueError:
        name = ""
    return name if any(char.isalnum() for char in name) else "dataset"


def _follows_from(violation: Violation, told: set[str]) -> bool:
    """A second complaint about a field that was told already, or made from it."""
    return violation.field.split(".")[0] in told


def _words_field(given: Mapping[str, Any]) -> str:
    return next((name for name in ("keywords", "topic") if name in given), "categories")


def _rules_across_fields(spec: JobSpec, words_field: str) -> list[Violation]:
    words = spec.keywords
    broken = [
        *_category_rules(words_field, words, ()),
        *_category_rules("urls", spec.urls, words),
        *_category_rules("uploads", spec.uploads, (*words, *spec.urls)),
        *_translation_rules(spec),
    ]
    if spec.topic and spec.categories:
        text = "give keywords, categories or a topic, only one of them"
        broken.append(_broken("topic", "synonym", spec.topic, text))
    if not (words or spec.urls or spec.uploads):
        text = "give keywords, categories, a topic, urls or uploads"
        broken.append(_broken("keywords", "missing", None, text))
    for field, entries, limit in (
        (words_field, words, MAX_KEYWORDS),
        ("urls", spec.urls, MAX_URLS),
        ("uploads", spec.uploads, MAX_UPLOADS),
    ):
        count = sum(map(len, entries.values()))
        if count > limit:
            broken.append(_broken(field, "too_long", count, f"at most {limit} are allowed"))
    return [*broken, *_engine_rules(spec)]


def _engine_rules(spec: JobSpec) -> Iterator[Violation]:
    for field, engine in _OWN.items():
        if engine in spec.engines and not getattr(spec, field):
            yield _broken(field, "missing", None, f"the engine {engine} needs this field")
    if spec.keywords and set(spec.engines) <= set(_OWN.values()):
        text = f"keywords need an engine beside {' and '.join(spec.engines)}"
        yield _broken("engines", "missing", list(spec.engines), text)


def _translation_rules(spec: JobSpec) -> Iterator[Violation]:
    translations = spec.expand.translations
    known = {word for words in spec.keywords.values() for word in words}
    for word in translations:
        if word not in known:
            text = "is not a keyword of this job, written as there"
            yield _broken(f"expand.translations.{word}", "unknown_keyword", word, text)
    count = sum(map(len, translations.values()))
    if count > MAX_TRANSLATIONS:
        text = f"at most {MAX_TRANSLATIONS} are allowed"
        yield _broken("expand.translations", "too_long", count, text)


def _category_rules(
    field: str, categories: Mapping[str, tuple[str, ...]], others: Iterable[str]
) -> Iterator[Violation]:
    yield from _one_folder_each(field, categories, others)
    for name, words in categories.items():
        if not words:
            yield _broken(f"{field}.{name}", "too_short", [], "must have at least one entry")
        if field not in _OWN:
            yield from _one_folder_each(f"{field}.{name}", words, label=_label)


def _label(word: str) -> str:
    return wording_of(word).label


def _one_folder_each(
    field: str,
    names: Iterable[str],
    others: Iterable[str] = (),
    label: Callable[[str], str] = str,
) -> Iterator[Violation]:
    seen = {folder_name(other): other for other in others}
    for name in names:
        first = seen.setdefault(folder_name(label(name)), name)
        if first != name:
            text = f"{first} and {name} would share one folder: merge or rename them"
            yield _broken(field, "duplicate", name, text)


def _refused(*violations: Violation) -> InvalidRequest:
    return InvalidRequest(violations=violations)


def _broken(field: str, rule: str, value: Any, message: str) -> Violation:
    return Violation(field=field, rule=rule, value=_shown(value), message=message)


def _shown(value: Any) -> Any:
    """``value`` if it is short and plain, else a cut description of it."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else f"{str(value)[:SHOWN_CHARS]}"
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    cut = text[:SHOWN_CHARS]
    return text if text == cut else f"{cut}... ({len(text)} characters)"
