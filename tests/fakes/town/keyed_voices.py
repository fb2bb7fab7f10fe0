"""The voices of the engines that want a key: a wrong one is refused as each refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.town.open_voices import part, said
from tests.fakes.town.pictures import Picture
from tests.fakes.town.server import Said, Visit


def _page(visit: Visit, name: str, default: int) -> tuple[int, int]:
    """Number from 1, and size."""
    return int(visit.query.get("page", 1)), int(visit.query.get(name, default))


def flickr(visit: Visit) -> Said:
    """Errors come with status 200; heights are texts; after the last page it repeats itself."""
    if not visit.query.get("api_key", "").startswith("key-of-"):
        return said({"stat": "fail", "code": 100, "message": "Invalid API Key"})
    number, size = _page(visit, "per_page", 100)
    narrowing = ("license", "min_upload_date", "max_upload_date", "min_taken_date", "color_codes")
    found = visit.found(visit.query.get("text", ""), *narrowing)
    pages = -(-len(found) // size)
    here = part(found, (max(1, min(number, pages)) - 1) * size, size)
    photos = {
        "page": number,
        "pages": pages,
        "perpage": size,
        "total": len(found),
        "photo": [_flickr_photo(visit, shown) for shown in here],
    }
    return said({"photos": photos, "stat": "ok"})


def _flickr_photo(visit: Visit, shown: Picture) -> dict[str, Any]:
    width, height = visit.size(shown)
    return {
        "id": str(50_000 + shown.number),
        "owner": "1@N01",
        "ownername": shown.creator,
        "title": shown.title,
        "license": str((4, 5, 9, 10)[shown.number % 4]),
        "url_l": visit.address(shown),
        "width_l": str(width),
        "height_l": height,
    }


def pexels(visit: Visit) -> Said:
    """The key is the whole Authorization header."""
    if not visit.headers.get("authorization", "").startswith("key-of-"):
        return said({"status": 401, "code": "Unauthorized"}, 401)
    number, size = _page(visit, "per_page", 15)
    found = visit.found(visit.query.get("query", ""), "size", "color", "orientation")
    photos = []
    for shown in part(found, (number - 1) * size, size):
        width, height = visit.size(shown)
        photos.append(
            {
                "id": shown.number,
                "width": width,
                "height": height,
                "url": visit.page(shown),
                "photographer": shown.creator,
                "photographer_url": f"{visit.page(shown)}/painter",
                "src": dict.fromkeys(
                    ("original", "large2x", "large", "medium", "tiny"), visit.address(shown)
                ),
                "alt": shown.title,
            }
        )
    answer = {
        "total_results": len(found),
        "page": number,
        "per_page": size,
        "photos": photos,
    }
    if number * size < len(found):
        answer["next_page"] = f"https://api.pexels.example/v1/search/?page={number + 1}"
    return said(answer)


def pixabay(visit: Visit) -> Said:
    """At most 500 of everything; bad input is told in plain text."""
    if not visit.query.get("key", "").startswith("key-of-"):
        return Said(b"[ERROR 400] Invalid or missing API key", 400, "text/html")
    number, size = _page(visit, "per_page", 20)
    found = visit.found(visit.query.get("q", ""), "category", "colors", "orientation", "order")
    reach = found[:500]
    if (number - 1) * size >= max(1, len(reach)):
        return Said(b'[ERROR 400] "page" is out of valid range.', 400, "text/html")
    hits = []
    for shown in part(reach, (number - 1) * size, size):
        width, height = visit.size(shown)
        hits.append(
            {
                "id": shown.number,
                "pageURL": visit.page(shown),
                "type": "photo",
                "tags": "town, picture",
                "previewURL": visit.address(shown),
                "webformatURL": visit.address(shown),
                "largeImageURL": visit.address(shown),
                "imageWidth": width,
                "imageHeight": height,
                "imageSize": 12345,
                "user": shown.creator,
                "user_id": 7,
            }
        )
    return said({"total": len(found), "totalHits": len(reach), "hits": hits})


def brave(visit: Visit) -> Said:
    """One page of up to 200, and no more."""
    if not visit.headers.get("x-subscription-token", "").startswith("key-of-"):
        return said({"error": {"code": "SUBSCRIPTION_TOKEN_INVALID"}}, 422)
    found = visit.found(visit.query.get("q", ""))[: int(visit.query.get("count", 50))]
    results = []
    for shown in found:
        width, height = visit.size(shown)
        results.append(
            {
                "type": "image_result",
                "title": shown.title,
                "url": visit.page(shown),
                "source": "town.example",
                "thumbnail": {"src": visit.address(shown), "width": 200, "height": 150},
                "properties": {"url": visit.address(shown), "width": width, "height": height},
            }
        )
    return said({"type": "images", "query": {"altered": None}, "results": results})


def europeana(visit: Visit) -> Said:
    """Everything is a list; the cursor is opaque and may hold plus signs."""
    if not visit.query.get("wskey", "").startswith("key-of-"):
        return said({"success": False, "error": "Invalid API key"}, 401)
    cursor = visit.query.get("cursor", "*")
    start = 0 if cursor == "*" else int(cursor.removeprefix("A+b/="))
    size = int(visit.query.get("rows", 12))
    # Of several refinements the last is seen here; that all are pictures narrows nothing.
    refined = ("qf",) if visit.query.get("qf") != "TYPE:IMAGE" else ()
    found = visit.found(visit.query.get("query", ""), *refined, "reusability")
    items = [
        {
            "id": f"/1/{shown.number}",
            "title": [shown.title],
            "edmIsShownBy": [visit.address(shown)],
            "edmIsShownAt": [visit.page(shown)],
            "edmPreview": [visit.address(shown)],
            "rights": ["http://creativecommons.org/publicdomain/mark/1.0/"],
            "dataProvider": ["Town Museum"],
            "dcCreator": [shown.creator],
            "guid": visit.page(shown),
        }
        for shown in part(found, start, size)
    ]
    answer: dict[str, Any] = {"success": True, "totalResults": len(found), "items": items}
    if start + size < len(found):
        answer["nextCursor"] = f"A+b/={start + size}"
    return said(answer)


def smithsonian(visit: Visit) -> Said:
    """Records with their media deep inside."""
    if not visit.query.get("api_key", "").startswith("key-of-"):
        return said({"error": {"code": "API_KEY_INVALID", "message": "no"}}, 403)
    start, size = int(visit.query.get("start", 0)), int(visit.query.get("rows", 10))
    found = visit.found(visit.query.get("q", "").partition(" AND ")[0])
    rows = []
    for shown in part(found, start, size):
        media = {
            "content": visit.address(shown),
            "thumbnail": visit.address(shown),
            "idsId": f"town-{shown.number}",
            "type": "Images",
            "usage": {"access": "CC0"},
        }
        told = {
            "record_ID": f"town_{shown.number}",
            "record_link": visit.page(shown),
            "title": {"label": "Title", "content": shown.title},
            "online_media": {"mediaCount": 1, "media": [media]},
        }
        rows.append({"id": f"town-{shown.number}", "content": {"descriptiveNonRepeating": told}})
    return said({"status": 200, "response": {"rows": rows, "rowCount": len(found)}})


def google(visit: Visit) -> Said:
    """Ten a page and a hundred in all; no items at all when there is nothing."""
    if not visit.query.get("key", "").startswith("key-of-"):
        return said({"error": {"code": 400, "message": "API key not valid."}}, 400)
    start, size = int(visit.query.get("start", 1)), int(visit.query.get("num", 10))
    if start + size > 101:
        return said(
            {"error": {"code": 400, "message": "Request contains an invalid argument."}}, 400
        )
    found = visit.found(visit.query.get("q", ""), "imgSize", "imgType", "imgDominantColor")[:100]
    items = []
    for shown in part(found, start - 1, size):
        width, height = visit.size(shown)
        image = {
            "contextLink": visit.page(shown),
            "width": width,
            "height": height,
            "byteSize": 12345,
            "thumbnailLink": "https://encrypted-tbn0.gstatic.example/images?q=tbn:X&s",
        }
        items.append(
            {
                "kind": "customsearch#result",
                "title": shown.title,
                "link": visit.address(shown),
                "mime": "image/jpeg",
                "image": image,
            }
        )
    queries: dict[str, Any] = {"request": [{"startIndex": start, "count": len(items)}]}
    if start + size <= min(91, len(found)):
        queries["nextPage"] = [{"startIndex": start + size, "count": size}]
    answer: dict[str, Any] = {
        "kind": "customsearch#search",
        "queries": queries,
        "searchInformation": {"totalResults": str(len(found))},
    }
    if items:
        answer["items"] = items
    return said(answer)


def serpapi(visit: Visit) -> Said:
    """A hundred a page by ijn; an empty result is an error text with status 200."""
    if not visit.query.get("api_key", "").startswith("key-of-"):
        return said({"error": "Invalid API key."}, 401)
    number = int(visit.query.get("ijn", 0))
    found = visit.found(visit.query.get("q", ""), "tbs", "imgsz", "image_color", "image_type")
    results = []
    for place, shown in enumerate(part(found, number * 100, 100), 1):
        width, height = visit.size(shown)
        results.append(
            {
                "position": place,
                "thumbnail": "data:image/jpeg;base64,AAAA",
                "original": visit.address(shown),
                "original_width": width,
                "original_height": height,
                "title": shown.title,
                "link": visit.page(shown),
                "source": "Town",
            }
        )
    metadata = {"id": "x", "status": "Success"}
    if not results:
        error = "Google hasn't returned any results for this query."
        return said({"search_metadata": metadata, "error": error})
    return said({"search_metadata": metadata, "images_results": results})


KEYED: dict[str, Callable[[Visit], Said]] = {
    "flickr": flickr,
    "pexels": pexels,
    "pixabay": pixabay,
    "brave": brave,
    "europeana": europeana,
    "smithsonian": smithsonian,
    "google": google,
    "serpapi": serpapi,
}
