"""The voices of the open collections: answers of the true structure, about our pictures."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.town.pictures import Picture, picture
from tests.fakes.town.server import Said, Visit

LICENSES = ("by", "by-sa", "cc0", "by-nc", "pdm")


def said(answer: Any, status: int = 200) -> Said:
    """An answer in JSON."""
    return Said(json.dumps(answer).encode(), status)


def part(found: list[Picture], start: int, size: int) -> list[Picture]:
    """One page."""
    return found[start : start + size]


def license_of(shown: Picture) -> str:
    return LICENSES[shown.number % len(LICENSES)]


def openverse(visit: Visit) -> Said:
    """Openverse: 20 a page and 240 in all without a key, counted as all; more is a 401."""
    size, number = int(visit.query.get("page_size", 20)), int(visit.query.get("page", 1))
    if size > 20 or size * number > 240:
        return said({"detail": "Authentication credentials were not provided."}, 401)
    narrowing = ("size", "aspect_ratio", "category", "license", "license_type", "extension")
    found = visit.found(visit.query.get("q", ""), *narrowing)
    results = [_openverse_item(visit, shown) for shown in part(found, (number - 1) * size, size)]
    pages = -(-len(found) // size)
    return said(
        {
            "result_count": len(found),
            "page_count": pages,
            "page_size": size,
            "page": number,
            "results": results,
        }
    )


def _openverse_item(visit: Visit, shown: Picture) -> dict[str, Any]:
    width, height = visit.size(shown)
    code = license_of(shown)
    return {
        "id": f"0000-{shown.number}",
        "title": shown.title,
        "foreign_landing_url": visit.page(shown),
        "url": visit.address(shown),
        "creator": shown.creator,
        "creator_url": f"{visit.page(shown)}/painter",
        "license": code,
        "license_version": "4.0",
        "license_url": f"https://creativecommons.org/licenses/{code}/4.0/",
        "provider": "town",
        "source": "town",
        "category": "photograph",
        "filesize": None,
        "filetype": "jpg",
        "tags": [{"name": "town", "accuracy": None}],
        "attribution": f"{shown.title} by {shown.creator}",
        "mature": False,
        "width": width,
        "height": height,
        "thumbnail": visit.address(shown),
    }


def commons(visit: Visit) -> Said:
    """MediaWiki's search generator: pages keyed by id, in no order; continue or not."""
    start, size = int(visit.query.get("gsroffset", 0)), int(visit.query.get("gsrlimit", 10))
    text = visit.query.get("gsrsearch", "")
    found = visit.found(text)
    here = part(found, start, size)
    if not here:
        return said({"batchcomplete": ""})
    pages = {
        str(shown.number): _commons_page(visit, shown, start + place + 1)
        for place, shown in reversed(list(enumerate(here)))
    }
    answer: dict[str, Any] = {"batchcomplete": "", "query": {"pages": pages}}
    if start + size < len(found):
        answer["continue"] = {"gsroffset": start + size, "continue": "gsroffset||"}
    return said(answer)


def _commons_page(visit: Visit, shown: Picture, index: int) -> dict[str, Any]:
    width, height = visit.size(shown)
    facts = {
        "ObjectName": shown.title,
        "Artist": f'<a href="//commons.example/wiki/User:{shown.number}">{shown.creator}</a>',
        "License": "cc-by-sa-4.0",
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
    }
    return {
        "pageid": shown.number,
        "ns": 6,
        "title": f"File:Picture {shown.number}.jpg",
        "index": index,
        "imageinfo": [
            {
                "url": visit.address(shown),
                "thumburl": visit.address(shown),
                "thumbwidth": width,
                "thumbheight": height,
                "descriptionurl": visit.page(shown),
                "width": width,
                "height": height,
                "size": 12345,
                "mime": "image/jpeg",
                "mediatype": "BITMAP",
                "user": shown.creator,
                "extmetadata": {
                    name: {"value": value, "source": "commons-desc-page"}
                    for name, value in facts.items()
                },
            }
        ],
    }


def inaturalist(visit: Visit) -> Said:
    """Observations by rising id, each with one photo whose address names a square variant."""
    text = visit.query.get("taxon_name") or visit.query.get("q", "")
    above, size = int(visit.query.get("id_above", 0) or 0), int(visit.query.get("per_page", 30))
    found = sorted(visit.found(text), key=lambda shown: shown.number)
    left = [shown for shown in found if shown.number + 1 > above]
    results = [_observation(visit, shown) for shown in left[:size]]
    return said({"total_results": len(left), "page": 1, "per_page": size, "results": results})


def _observation(visit: Visit, shown: Picture) -> dict[str, Any]:
    width, height = visit.size(shown)
    photo = {
        "id": shown.number,
        "url": visit.address(shown),
        "license_code": "cc-by",
        "attribution": f"(c) {shown.creator}, some rights reserved (CC BY)",
        "original_dimensions": {"width": width, "height": height},
    }
    return {
        "id": shown.number + 1,
        "uri": visit.page(shown),
        "observed_on": "2024-05-01",
        "species_guess": shown.title,
        "user": {"login": shown.creator, "name": shown.creator},
        "taxon": {"name": shown.title, "preferred_common_name": shown.title},
        "photos": [photo],
    }


_TAXA = ("robin", "wren", "heron")


def gbif(visit: Visit) -> Said:
    """A name is matched to a key first; occurrences are asked for by key."""
    if visit.path.startswith("/v1/species/match"):
        name = visit.query.get("name", "").lower()
        keys = [number for number, word in enumerate(_TAXA, 1) if word in name]
        if not keys:
            return said({"confidence": 100, "matchType": "NONE", "synonym": False})
        return said({"usageKey": keys[0], "matchType": "EXACT", "scientificName": name})
    key = visit.query.get("taxonKey") or visit.query.get("taxon_key") or "0"
    text = _TAXA[int(key) - 1] if key != "0" else visit.query.get("q", "")
    start, size = int(visit.query.get("offset", 0)), int(visit.query.get("limit", 20))
    found = visit.found(text)
    results = [_occurrence(visit, shown) for shown in part(found, start, size)]
    return said(
        {
            "offset": start,
            "limit": size,
            "endOfRecords": start + size >= len(found),
            "count": len(found),
            "results": results,
        }
    )


def _occurrence(visit: Visit, shown: Picture) -> dict[str, Any]:
    media = {
        "type": "StillImage",
        "format": "image/jpeg",
        "identifier": visit.address(shown),
        "references": visit.page(shown),
        "title": shown.title,
        "creator": shown.creator,
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "rightsHolder": shown.creator,
    }
    return {"key": shown.number, "scientificName": shown.title, "media": [media]}


def met(visit: Visit) -> Said:
    """A search gives ids only; each object is a request of its own."""
    if visit.path.endswith("/search"):
        ids = [shown.number + 1 for shown in visit.found(visit.query.get("q", ""))]
        return said({"total": len(ids), "objectIDs": ids or None})
    number = visit.path.rpartition("/")[2]
    if not number.isdigit():
        return said({"message": "Not Found"}, 404)
    shown = picture(int(number) - 1)
    return said(
        {
            "objectID": shown.number + 1,
            "isPublicDomain": True,
            "primaryImage": visit.address(shown),
            "primaryImageSmall": visit.address(shown),
            "additionalImages": [],
            "title": shown.title,
            "artistDisplayName": shown.creator,
            "objectURL": visit.page(shown),
        }
    )


def nasa(visit: Visit) -> Said:
    """Collection+JSON with a link to the next page."""
    number, size = int(visit.query.get("page", 1)), int(visit.query.get("page_size", 100))
    found = visit.found(visit.query.get("q", ""))
    items = [_nasa_item(visit, shown) for shown in part(found, (number - 1) * size, size)]
    collection: dict[str, Any] = {
        "version": "1.1",
        "items": items,
        "metadata": {"total_hits": len(found)},
    }
    if number * size < len(found):
        href = f"http://images-api.example/search?q=x&page={number + 1}"
        collection["links"] = [{"rel": "next", "prompt": "Next", "href": href}]
    return said({"collection": collection})


def _nasa_item(visit: Visit, shown: Picture) -> dict[str, Any]:
    data = {
        "center": "TOWN",
        "title": shown.title,
        "nasa_id": f"TOWN-{shown.number}",
        "media_type": "image",
        "date_created": "1999-12-11T00:00:00Z",
    }
    link = {"href": visit.address(shown), "rel": "preview", "render": "image"}
    return {"href": f"{visit.page(shown)}/collection.json", "data": [data], "links": [link]}
