"""Names: what of an address says which picture is meant, and whose pictures a host shows."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pixcrawler.pipeline.discovery.addresses.form import Form

_FILE = re.compile(r"(.+)\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|heic|svg)")
_SIZE_AT_END = re.compile(r"[-_@](?:\d{1,5}x\d{1,5}|\d{1,5}[wx]|scaled|large|medium|small|thumb)$")
_SAYS_NOTHING = re.compile(
    "o|orig|original|l|large|m|medium|s|small|thumb|thumbs|thumbnail|thumbnails|full|max|preview"
    "|square|hd|hq|raw|image|images|img|photo|picture|default|main|cover|native|color|index|view"
    # Sizes, as services write them; source of the fourth: IIIF Image API 3.0, section 4.
    r"|\d{2,5}x\d{0,5}|[swh]_?\d{1,5}|0|!?\d{0,5},\d{0,5}"
)
_LONG_NUMBER = re.compile(r"(?<!\d)\d{5,}(?!\d)")
_SHORT_NUMBER = re.compile(r"\d{1,4}")

_GIVES_AWAY = re.compile(
    r"(?<![a-z0-9])(?:removed|unavailable|no[-_ ]?image|not[-_ ]?found|placeholder|hot[-_ ]?link"
    r"|default[-_ ]?image|404)(?![a-z0-9])"
)

# Under which nobody's own site begins, beside the country's own name.
_SHARED_SECOND = frozenset(["ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"])

_PLATFORMS = frozenset(
    [
        # Photographs and posts of many people: the same one twice is one that people like.
        *("flickr.com", "staticflickr.com", "wikimedia.org", "imgur.com", "redd.it"),
        *("twimg.com", "pinimg.com", "tumblr.com", "fbcdn.net", "cdninstagram.com"),
        *("blogspot.com", "blogger.com", "googleusercontent.com", "ggpht.com", "wordpress.com"),
        *(
            "wp.com",
            "medium.com",
            "deviantart.net",
            "wixmp.com",
            "wixstatic.com",
            "inaturalist.org",
        ),
        *("ytimg.com", "vk.com", "userapi.com", "sinaimg.cn", "hdslb.com", "zhimg.com"),
        # Storage and delivery for many sites.
        *("amazonaws.com", "cloudfront.net", "windows.net", "azureedge.net", "googleapis.com"),
        *("akamaized.net", "cloudinary.com", "imgix.net", "shopify.com", "squarespace-cdn.com"),
        *("media-amazon.com", "githubusercontent.com", "github.io", "archive.org", "gbif.org"),
        # Search engines' own copies of what is elsewhere.
        *("gstatic.com", "bing.com", "bing.net", "brave.com", "baidu.com", "bdimg.com"),
        *("bdstatic.com", "openverse.org", "duckduckgo.com"),
    ]
)


def picture_name(form: Form) -> str:
    """Return the name of the picture that an address asks for, as far as its path says it.

    Equal for the sizes, folders and languages that sites commonly have for one picture:
    ``/large/cat.jpg`` and ``/small/cat-300x200.jpg`` are ``cat``, ``/photos/17/medium.jpg`` is
    ``photos/17``, ``/it/gatto-123456.jpg`` is ``123456``.
    """
    parts = [part for part in unquote(form.path).lower().split("/") if part]
    files = (place for place, part in enumerate(parts) if _FILE.fullmatch(part))
    last = next(files, len(parts) - 1)
    numbers: list[str] = []
    for part in reversed(parts[: last + 1]):
        name = _name(part)
        if name:
            numbers.append(name)
        # A short number names a picture only within its folder.
        if name and not _SHORT_NUMBER.fullmatch(name):
            break
    return "/".join(reversed(numbers))


def _name(part: str) -> str:
    file = _FILE.fullmatch(part)
    stem = _SIZE_AT_END.sub("", file[1] if file else part)
    if _SAYS_NOTHING.fullmatch(stem):
        return ""
    numbers = _LONG_NUMBER.findall(stem)
    return numbers[0] if len(numbers) == 1 else stem


def wish(form: Form, name: str) -> tuple[str, ...]:
    """Return what an address asks for: its site, the picture's name, and a script's fields.

    The query of a picture file says a size or a version, that of a script which picture.
    """
    last = form.path.rpartition("/")[2].lower()
    fields = () if _FILE.fullmatch(last) else form.fields
    return (site_of(form), name, *fields)


def gives_itself_away(form: Form) -> bool:
    """Say whether the path has a word that only stand-ins have: ``removed``, ``404``, …."""
    return _GIVES_AWAY.search(unquote(form.path).lower()) is not None


def site_of(form: Form) -> str:
    """Return the name that one owner has hosts under, by a simple rule that splits too rarely."""
    labels = form.host.rsplit(".", 3)
    if labels[-1].isdigit() or len(labels) < 3:  # noqa: PLR2004 - an IP address; a site itself
        return form.host
    is_shared = labels[-2] in _SHARED_SECOND and len(labels[-1]) == 2  # noqa: PLR2004 - a country
    return ".".join(labels[-3:]) if is_shared else form.domain


def is_platform(form: Form) -> bool:
    """Say whether the host shows pictures of many people, who may well show the same one."""
    return form.domain in _PLATFORMS
