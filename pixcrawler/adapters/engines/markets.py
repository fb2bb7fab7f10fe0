"""Markets: the language that a country's image searches are mostly written in."""

from __future__ import annotations

_LANGUAGES = {
    "ar": "es", "at": "de", "au": "en", "be": "nl", "bg": "bg", "br": "pt", "ca": "en", "ch": "de",
    "cl": "es", "cn": "zh", "co": "es", "cz": "cs", "de": "de", "dk": "da", "ee": "et", "es": "es",
    "fi": "fi", "fr": "fr", "gb": "en", "gr": "el", "hk": "zh", "hr": "hr", "hu": "hu", "id": "id",
    "ie": "en", "il": "he", "in": "en", "it": "it", "jp": "ja", "kr": "ko", "lt": "lt", "lv": "lv",
    "mx": "es", "my": "en", "nl": "nl", "no": "no", "nz": "en", "pe": "es", "ph": "en", "pl": "pl",
    "pt": "pt", "ro": "ro", "ru": "ru", "se": "sv", "sg": "en", "sk": "sk", "th": "th", "tr": "tr",
    "tw": "zh", "ua": "uk", "us": "en", "ve": "es", "vn": "vi", "za": "en",
}  # fmt: skip


def language_of(region: str) -> str:
    """Return the language (ISO 639-1) of a region (ISO 3166-1, lower case); else English."""
    return _LANGUAGES.get(region, "en")
