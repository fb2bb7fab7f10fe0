"""Flickr: photographs of its members, with their licences, for a key.

Source: the documentation of flickr.photos.search and the licence list that
flickr.photos.licenses.getInfo has given since June 2025. Colours are those of the search page of
flickr.com, which the documentation does not name.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any, get_args

from typing_extensions import override

from pixcrawler.adapters.engines.blocks import blocked
from pixcrawler.adapters.engines.fields import address, count, items, pixels, text
from pixcrawler.adapters.engines.keyed import KeyedEngine, is_usable, note_of
from pixcrawler.adapters.engines.shape import Ask, json_object, unknown_structure
from pixcrawler.domain.engine import Access, BlockKind, EngineCard, EngineStatus, Honour, Quota
from pixcrawler.domain.filters import FilterName, Filters, License
from pixcrawler.domain.licenses import permits, rights_of
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.engines.ports import Answer, Find, Page, Request

NAME = "flickr"
PAGE_SIZE = 500
MAX_PAGES = 8
"""After 4,000 results it begins to repeat itself."""

_CC = "https://creativecommons.org"
_OLD = {1: "by-nc-sa", 2: "by-nc", 3: "by-nc-nd", 4: "by", 5: "by-sa", 6: "by-nd"}
_NEW = {11: "by", 12: "by-sa", 13: "by-nd", 14: "by-nc", 15: "by-nc-sa", 16: "by-nc-nd"}
LICENSES: dict[int | None, tuple[str | None, str | None]] = {
    0: ("all-rights-reserved", None),
    **{number: (code, f"{_CC}/licenses/{code}/2.0/") for number, code in _OLD.items()},
    7: ("nkc", "https://www.flickr.com/commons/usage/"),
    8: ("pd-usgov", "https://www.usa.gov/government-copyright"),
    9: ("cc0", f"{_CC}/publicdomain/zero/1.0/"),
    10: ("pdm", f"{_CC}/publicdomain/mark/1.0/"),
    **{number: (code, f"{_CC}/licenses/{code}/4.0/") for number, code in _NEW.items()},
}
"""Flickr's number of a licence: our code, and where it stands."""
_PERMITTING = {
    wish: ",".join(
        str(number)
        for number, (code, _) in LICENSES.items()
        if (rights := rights_of(code)) and permits(rights, wish)
    )
    for wish in get_args(License)
}
_COLORS = {
    "red": "0", "orange": "2", "yellow": "3,4", "green": "5,6", "teal": "7", "blue": "8",
    "purple": "9", "pink": "a,b", "brown": "1", "black": "e", "white": "c",
}  # fmt: skip
_RENDITIONS = ("o", "k", "h", "l", "c", "z", "m")
"""The largest first: the original, then 2048, 1600, 1024, 800, 640 and 500 pixels."""
_EXTRAS = ",".join(
    ["license", "owner_name", "date_upload", "url_n", *(f"url_{one}" for one in _RENDITIONS)]
)
_BAD_KEY = frozenset({98, 99, 100})
_AWAY = frozenset({0, 10, 105, 106, 201})
"""The documented ones, and the one that is said to whoever asks too often."""
_MEMBER = re.compile(r"[\w@-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"\d{1,24}", re.ASCII)


class FlickrEngine(KeyedEngine):
    """Searches the Flickr API."""

    card = EngineCard(
        name=NAME,
        title="Flickr",
        access=Access.KEY,
        base_url="https://api.flickr.com",
        homepage="https://www.flickr.com",
        terms_url="https://www.flickr.com/help/terms/api",
        terms="Keys are for non-commercial use unless Flickr has agreed to more. Pictures belong "
        "to their members: without a wish for a licence, pictures with all rights reserved are "
        "among the results.",
        filters={
            FilterName.SIZE: Honour.SIFTED,
            FilterName.ASPECT: Honour.SIFTED,
            FilterName.COLOR: Honour.SEARCHED,
            FilterName.TYPE: Honour.SEARCHED,
            FilterName.LICENSE: Honour.SEARCHED,
            FilterName.SAFE_SEARCH: Honour.SEARCHED,
            FilterName.DATE: Honour.SEARCHED,
        },
        lacks={
            FilterName.COLOR: ("color", "transparent"),
            FilterName.TYPE: ("clipart", "drawing", "face"),
        },
        max_results=PAGE_SIZE * MAX_PAGES,
        shards=(FilterName.DATE, FilterName.COLOR),
        quotas=(Quota(requests=3600, seconds=3600),),
        operators=True,
        licensed=True,
    )

    @override
    def request(self, ask: Ask) -> Request:
        params = {
            "method": "flickr.photos.search",
            "api_key": self.key,
            "text": ask.text,
            "media": "photos",
            "sort": "relevance",
            "safe_search": "1" if ask.filters.safe_search else "3",
            "per_page": str(PAGE_SIZE),
            "page": ask.cursor or "1",
            "extras": _EXTRAS,
            "format": "json",
            "nojsoncallback": "1",
            **_wishes(ask.filters),
        }
        return self.get("/services/rest/", params)

    @override
    def refusal(self, answer: Answer) -> Page | None:
        """Return what an error means: they come with status 200."""
        note = note_of(answer)
        if note.get("stat") != "fail":
            return None
        code = count(note.get("code"))
        if code in _BAD_KEY:
            return blocked(BlockKind.DENIED, f"Flickr refused the key (error {code})")
        if code in _AWAY:
            detail = f"Flickr's search is not available for now (error {code})"
            return Page(EngineStatus.FAILED, detail=detail)
        said = self.quoted(note.get("message")) or "an error without words"
        return Page(EngineStatus.CHANGED, detail=f"Flickr did not take the request: {said}")

    @override
    def results(self, body: bytes, ask: Ask) -> Page:
        photos = json_object(body).get("photos")
        pages = count(photos.get("pages")) if isinstance(photos, dict) else None
        if not isinstance(photos, dict) or pages is None:
            raise unknown_structure()
        listed = items(photos.get("photo"))
        if not listed:
            return Page(EngineStatus.EMPTY)
        number = int(ask.cursor or 1)
        following = None if number >= min(pages, MAX_PAGES) else str(number + 1)
        finds = tuple(find for photo in listed if (find := _find(photo)))
        return Page(EngineStatus.OK, finds, following, total=count(photos.get("total")))


def _wishes(filters: Filters) -> dict[str, str]:
    wishes = {
        "license": "" if filters.license == "any" else _PERMITTING[filters.license],
        "color_codes": _COLORS.get(filters.color, ""),
        "styles": "blackandwhite" if filters.color == "gray" else "",
        "content_types": "0" if filters.type == "photo" else "",
    }
    if filters.since:
        wishes["min_upload_date"] = _moment(filters.since, time.min)
    if filters.until:
        wishes["max_upload_date"] = _moment(filters.until, time.max)
    return wishes


def _moment(day: date, hour: time) -> str:
    """Seconds since 1970; nothing was uploaded before."""
    return str(max(0, int(datetime.combine(day, hour, UTC).timestamp())))


def _find(photo: dict[str, Any]) -> Find | None:
    url, width, height = _picture(photo)
    if url is None:
        return None
    code, license_url = LICENSES.get(count(photo.get("license")), (None, None))
    identity, owner = _matching(_NUMBER, photo.get("id")), _matching(_MEMBER, photo.get("owner"))
    provenance = Provenance(
        engine=NAME,
        page_url=f"https://www.flickr.com/photos/{owner}/{identity}"
        if owner and identity
        else None,
        title=text(photo.get("title")),
        creator=text(photo.get("ownername")),
        creator_url=f"https://www.flickr.com/people/{owner}/" if owner else None,
        license=code,
        license_url=license_url,
        provider_id=identity,
        published=_day(photo.get("dateupload")),
    )
    return Find(url, provenance, width, height, thumbnail_url=address(photo.get("url_n")))


def _picture(photo: dict[str, Any]) -> tuple[str | None, int | None, int | None]:
    """Address and size of the largest rendition that is not too large for us."""
    for one in _RENDITIONS:
        url = address(photo.get(f"url_{one}"))
        width, height = pixels(photo.get(f"width_{one}")), pixels(photo.get(f"height_{one}"))
        if url and is_usable(width, height):
            return url, width, height
    return None, None, None


def _matching(form: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and form.fullmatch(value) else None


def _day(value: Any) -> date | None:
    seconds = count(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
