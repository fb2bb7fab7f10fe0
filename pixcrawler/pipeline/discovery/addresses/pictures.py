"""Pictures of known hosts: their sizes have one key, and thumbnails are known as such."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from pixcrawler.pipeline.discovery.addresses.form import Form


class Shape(NamedTuple):
    """How addresses of one picture in many sizes look; matched on path and query."""

    pattern: re.Pattern[str]
    key: str
    """What all sizes share, a template of the pattern's groups."""
    best: str = ""
    """Path and query of the original, or of a larger size, with its origin where that is another;
    empty: this one is large enough."""


@dataclass(frozen=True)
class Site:
    """One host, or several that show the same pictures."""

    hosts: re.Pattern[str]
    name: str
    """Begins the keys; empty for the host itself."""
    shapes: tuple[Shape, ...] = ()
    size_params: tuple[str, ...] = ()
    """Fields that say nothing but a size."""
    has_thumbnails: bool = False
    """What has a shape here is a search engine's thumbnail: good only as a last resort."""


class Picture(NamedTuple):
    """What the rules of a host say about an address."""

    key: str | None
    """Equal for all sizes of a picture; None: the address itself decides."""
    best: str | None = None
    """A larger size of the same picture, worth trying."""
    is_thumbnail: bool = False


def _site(
    hosts: str,
    name: str,
    *shapes: tuple[str, ...],
    size_params: tuple[str, ...] = (),
    has_thumbnails: bool = False,
) -> Site:
    made = tuple(Shape(re.compile(pattern, re.DOTALL), *rest) for pattern, *rest in shapes)
    return Site(re.compile(hosts), name, made, size_params, has_thumbnails)


_QUERY = r"(?:\?.*)?"
_SIZE = r"[swh]\d{1,5}(?:-[A-Za-z0-9]+)*"
_TRANSFORM = (
    "(?:ac|af|ar|ki|br|bo|co|cs|dl|dn|dpr|du|eo|fl|fn|fps|if|pg|so|sp|vc|vs"
    r"|[abcdefghloqrtuwxyz])_[^,/?]+"
)
_ANYTHING = (".*", "")

_WIKIMEDIA = _site(
    # Since August 2026 renderings have a host of their own, and since January but few widths: of
    # any other the address is refused, and those below 1,000 are small.
    r"(?:upload|thumb)\.wikimedia\.org",
    "wikimedia",
    (
        (
            r"/(?P<wiki>[^/?]+/[^/?]+)/thumb/(?P<file>(?:archive/)?[0-9a-f]/[0-9a-f]{2}/"
            r"[^/?]+\.(?i:jpe?g|png|webp|gif))/(?:lossy-|lossless-)?"
            rf"(?!(?:1280|1920|3840)px)\d+px-[^/?]*{_QUERY}"
        ),
        "{wiki}/{file}",
        "https://upload.wikimedia.org/{wiki}/{file}",
    ),
    (
        (
            r"/(?P<wiki>[^/?]+/[^/?]+)/thumb/(?P<file>(?:archive/)?[0-9a-f]/[0-9a-f]{2}/[^/?]+)/"
            rf"(?:lossy-|lossless-)?(?:page1-)?\d+px-[^/?]*{_QUERY}"
        ),
        "{wiki}/{file}",
    ),
    (
        r"/(?P<wiki>[^/?]+/[^/?]+)/(?P<file>(?:archive/)?[0-9a-f]/[0-9a-f]{2}/[^/?]+)" + _QUERY,
        "{wiki}/{file}",
    ),
)
_PINTEREST = _site(
    r"[a-z0-9]+\.pinimg\.com",
    "pinterest",
    (
        (
            r"/(?:\d+x\d*(?:_[A-Z]+)?|originals)/(?P<folder>(?:[0-9a-f]{2}/){3})(?P<id>[0-9a-f]+)"
            rf"(?P<ext>\.[a-z]+){_QUERY}"
        ),
        "{id}",
        "/originals/{folder}{id}{ext}",
    ),
)
_TWITTER = _site(
    r"pbs\.twimg\.com",
    "twitter",
    (
        r"/media/(?P<id>[A-Za-z0-9_-]+)\.(?P<format>[a-z]+)(?::[a-z0-9]+)?" + _QUERY,
        "{id}",
        r"/media/{id}?format={format}&name=orig",
    ),
    (
        r"/media/(?P<id>[A-Za-z0-9_-]+)\?format=(?P<format>[a-z]+)",
        "{id}",
        r"/media/{id}?format={format}&name=orig",
    ),
    size_params=("name",),
)
_GOOGLE_PHOTOS = _site(
    r"(?:\d+\.bp\.blogspot|blogger\.googleusercontent|lh\d\.googleusercontent|lh\d\.ggpht)\.com",
    "google",
    (rf"(?P<at>/[^=?]+)={_SIZE}{_QUERY}", "{at}", "{at}=s0"),
    (
        rf"(?P<at>/.+)/{_SIZE}/(?P<name>[^/?]+){_QUERY}",
        "{at}/{name}",
        "{at}/s0/{name}",
    ),
    (rf"(?P<at>/[^=?]+){_QUERY}", "{at}"),
)
_FLICKR = _site(
    r".+\.static\.?flickr\.com",
    "flickr",
    (
        r"(?P<at>(?:/\d+){1,2}/(?P<id>\d+)_[0-9a-f]+)(?:_[sqtmnwzc])?\.[a-z]+" + _QUERY,
        "{id}",
        "{at}_b.jpg",
    ),
    (r"(?:/\d+){1,2}/(?P<id>\d+)_[0-9a-f]+(?:_[a-z0-9]{1,2}){1,2}\.[a-z]+" + _QUERY, "{id}"),
)
_SHOPIFY = _site(
    ".*",
    "",
    (
        (
            r"(?P<at>/[^?]+?)_(?:\d+x\d*|x\d+)(?:_crop_[a-z]+)?(?:@[23]x)?"
            r"(?P<ext>\.[A-Za-z]+)(?P<rest>\?.*)?"
        ),
        "{at}{ext}{rest}",
        "{at}{ext}{rest}",
    ),
    ("(?P<all>.*)", "{all}", "{all}"),
    size_params=("width", "height", "crop"),
)
_AMAZON = _site(
    r"(?:[a-z0-9-]+\.media|images(?:-[a-z]+)?\.ssl-images|ecx\.images)-amazon\.com",
    "amazon",
    (
        r"/images/(?P<kind>[A-Z])/(?P<id>[^/?.]+)(?:\._[^/?]*_)?\.(?P<ext>[A-Za-z]+)" + _QUERY,
        "{kind}/{id}",
        "/images/{kind}/{id}.{ext}",
    ),
)
_SQUARESPACE = _site(
    r"images\.squarespace-cdn\.com|static\d?\.squarespace\.com",
    "squarespace",
    (r"(?P<at>[^?]*)(?P<rest>\?.*)?", "{at}{rest}", r"{at}?format=original"),
    size_params=("format",),
)
_INATURALIST = _site(
    r"static\.inaturalist\.org|inaturalist-open-data\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com",
    "inaturalist",
    (
        rf"/photos/(?P<id>\d+)/(?:square|thumb|small|medium)\.(?P<ext>[A-Za-z]+){_QUERY}",
        "{id}",
        "/photos/{id}/original.{ext}",
    ),
    (rf"/photos/(?P<id>\d+)/(?:large|original)\.[A-Za-z]+{_QUERY}", "{id}"),
)
_CLOUDINARY = _site(
    r"res\.cloudinary\.com",
    "cloudinary",
    (
        rf"(?P<at>/[^/?]+/image/upload)/(?:{_TRANSFORM}(?:,{_TRANSFORM})*/)*"
        r"(?P<rest>(?!s--)[^?]+)" + _QUERY,
        "{at}/{rest}",
        "{at}/{rest}",
    ),
)
_BING_ID = r"(?P<id>OIP\.[A-Za-z0-9_-]+).*"
_BING_SHAPES = ((rf"/th/id/{_BING_ID}", "{id}"), (rf"/th\?(?:.*&)?id={_BING_ID}", "{id}"))
_BING = _site(r"(?:www|cn|th)\.bing\.com", "bing", *_BING_SHAPES, has_thumbnails=True)
_BING_THUMBNAILS = _site(
    r"tse\d*(?:\.mm\.bing\.net|-mm\.cn\.bing\.net)|th\.bing\.com",
    "bing",
    *_BING_SHAPES,
    _ANYTHING,
    has_thumbnails=True,
)
_GOOGLE_THUMBNAILS = _site(
    r"encrypted-tbn\d*\.gstatic\.com",
    "google-thumbnail",
    (r"/[a-z]*\?(?:.*&)?q=tbn(?::|%3A)(?P<id>[^&]+).*", "{id}"),
    _ANYTHING,
    has_thumbnails=True,
)
_BRAVE = _site(r"imgs\.search\.brave\.com", "brave", _ANYTHING, has_thumbnails=True)
_BAIDU_SHAPE = (r"/it/u=(?P<id>\d+(?:,|%2C)\d+).*", "{id}")
_BAIDU = _site(r".+\.baidu\.com", "baidu", _BAIDU_SHAPE, has_thumbnails=True)
_BAIDU_THUMBNAILS = _site(
    r"(?:img\d*\.imgtn\.bdimg|ss\d*\.bdstatic)\.com",
    "baidu",
    _BAIDU_SHAPE,
    _ANYTHING,
    has_thumbnails=True,
)

_SITES = {
    "wikimedia.org": (_WIKIMEDIA,),
    "pinimg.com": (_PINTEREST,),
    "twimg.com": (_TWITTER,),
    "blogspot.com": (_GOOGLE_PHOTOS,),
    "googleusercontent.com": (_GOOGLE_PHOTOS,),
    "ggpht.com": (_GOOGLE_PHOTOS,),
    "staticflickr.com": (_FLICKR,),
    "flickr.com": (_FLICKR,),
    "shopify.com": (_SHOPIFY,),
    "media-amazon.com": (_AMAZON,),
    "ssl-images-amazon.com": (_AMAZON,),
    "images-amazon.com": (_AMAZON,),
    "squarespace-cdn.com": (_SQUARESPACE,),
    "squarespace.com": (_SQUARESPACE,),
    "inaturalist.org": (_INATURALIST,),
    "amazonaws.com": (_INATURALIST,),
    "cloudinary.com": (_CLOUDINARY,),
    "bing.com": (_BING_THUMBNAILS, _BING),
    "bing.net": (_BING_THUMBNAILS,),
    "gstatic.com": (_GOOGLE_THUMBNAILS,),
    "brave.com": (_BRAVE,),
    "baidu.com": (_BAIDU,),
    "bdimg.com": (_BAIDU_THUMBNAILS,),
    "bdstatic.com": (_BAIDU_THUMBNAILS,),
}
_PLAIN = Picture(None)


def picture_of(form: Form) -> Picture:
    """Return what the host's own rules say; a signed address is never changed."""
    sites = _SITES.get(form.domain, ())
    if "/cdn/shop/" in form.path:
        sites = (*sites, _SHOPIFY)
    pictures = (_pictured(site, form) for site in sites if site.hosts.fullmatch(form.host))
    return next(pictures, _PLAIN)


def _pictured(site: Site, form: Form) -> Picture:
    if form.is_signed:
        return Picture(None, is_thumbnail=site.has_thumbnails)
    resource = form.without(site.size_params).resource
    for shape in site.shapes:
        found = shape.pattern.fullmatch(resource)
        if found:
            groups = found.groupdict("")
            key = f"{site.name or form.host}:{shape.key.format_map(groups)}" if shape.key else None
            best = shape.best.format_map(groups) if shape.best else form.resource
            if best == form.resource:
                return Picture(key, None, site.has_thumbnails)
            larger = best if shape.best.startswith("https://") else f"{form.origin}{best}"
            return Picture(key, larger, site.has_thumbnails)
    return _PLAIN
