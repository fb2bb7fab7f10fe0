"""Proxies, sizes and thumbnails: one picture has one key, and the best address is known."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.pipeline.discovery.addresses import MAX_CHARS, address_key, canonical, judged

# No time limits: a busy machine is not a broken promise.
STEADY = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
CAT = "https://cats.example.org/a/cat.jpg"
IN_PATH = "cats.example.org/a/cat.jpg"
ESCAPED = quote(CAT, safe="")
COMMONS = "https://upload.wikimedia.org/wikipedia/commons"
PIN = "https://i.pinimg.com"
LH = "https://lh3.googleusercontent.com/AbC-d_e"
BLOG = "https://1.bp.blogspot.com/-aB/Xy/AAA/Zz"
FLICKR = "https://live.staticflickr.com/65535"
SHOP = "https://cdn.shopify.com/s/files/1/0001/products"
AMAZON = "https://m.media-amazon.com/images/I"
SPACE = "https://images.squarespace-cdn.com/content/v1/5a/6b/cat.jpg"
INATURALIST = "https://inaturalist-open-data.s3.amazonaws.com/photos/123"
CLOUD = "https://res.cloudinary.com/demo/image"


def proxied(address):
    """The address behind each proxy that takes any address."""
    escaped = quote(address, safe="")
    return [
        f"https://wsrv.nl/?url={escaped}&w=300",
        f"https://images.weserv.nl/?w=300&url={escaped}",
        f"https://external-content.duckduckgo.com/iu/?u={escaped}&f=1&nofb=1",
        f"https://proxy.duckduckgo.com/iu/?u={escaped}",
        f"https://shop.example/_next/image?url={escaped}&w=640&q=75",
        f"https://res.cloudinary.com/demo/image/fetch/w_300,c_fill/{escaped}",
        f"https://demo.imgix.net/{escaped}?w=200",
        f"https://www.google.co.uk/imgres?imgurl={escaped}&imgrefurl=x&w=3&h=4",
        f"https://www.google.com/url?sa=i&url={escaped}",
        f"https://thumbs.example/unsafe/fit-in/300x200/filters:quality(80)/{escaped}",
    ]


@pytest.mark.parametrize(
    "wrapped",
    [
        *proxied(CAT),
        f"https://i0.wp.com/{IN_PATH}?ssl=1&w=300&resize=300%2C200",
        f"http://i3.wp.com/{IN_PATH}?quality=80&strip=all&fit=3,4&crop=1&h=2&ssl=1",
        f"https://wsrv.nl/?url=ssl:{IN_PATH}",
        f"{CLOUD}/fetch/{CAT}",
        f"{CLOUD}/fetch/f_auto/q_auto/https:/{IN_PATH}",
        f"https://www.google.com/url?q={ESCAPED}&sa=U",
        f"https://thumbs.example/img/unsafe/300x/smart/{CAT}",
        f"https://thumbs.example/unsafe/-300x-200/left/top/trim/meta/{CAT}",
        "https://cats.example.org/_next/image?url=%2Fa%2Fcat.jpg&w=64&q=75",
        "https://cats.example.org/shop/_next/image/?url=%2Fa%2Fcat.jpg&w=64&q=75",
        "https://cats.example.org/cdn-cgi/image/width=80,quality=75/a/cat.jpg",
        f"https://other.example/cdn-cgi/image/w=80/{CAT}",
    ],
)
def test_a_proxy_is_looked_through(wrapped):
    """What is shown by a proxy has the key of the address itself, which is tried first."""
    assert judged(wrapped).key == judged(CAT).key
    assert judged(wrapped).original == CAT


@pytest.mark.parametrize(
    "wrapped",
    [
        f"http://i1.wp.com/{IN_PATH}",
        f"https://wsrv.nl/?url={IN_PATH}",
        f"https://wsrv.nl/?url=//{IN_PATH}",
        f"https://thumbs.example/unsafe/300x200/{IN_PATH}",
    ],
)
def test_what_is_shown_without_a_scheme_is_plain_http(wrapped):
    """A proxy that names no scheme asks over http."""
    assert judged(wrapped).original == f"http://{IN_PATH}"


@pytest.mark.parametrize("inner", ["a b", "user@evil.example/a", "evil.example\\@x", "a\r\nb", ""])
@pytest.mark.parametrize("number", range(len(proxied(""))))
def test_a_proxy_opens_no_door(inner, number):
    """What would be refused if it came directly is not unwrapped."""
    wrapped = proxied(f"https://{inner}")[number]
    judgement = judged(wrapped)
    assert judgement.original == wrapped or canonical(judgement.original) is not None
    assert "evil" not in judgement.original or judgement.original == wrapped


@pytest.mark.parametrize("inner", ["ftp://a.example/x", "javascript:alert(1)", "data:image/png,x"])
def test_other_schemes_stay_wrapped(inner):
    """A proxy makes no picture of what is neither http nor https."""
    assert [judged(one).original for one in proxied(inner)] == proxied(inner)


def test_blanks_inside_stay_escaped():
    """What a proxy's address escapes twice, or should have, comes out as it can be fetched."""
    inner = "https://cats.example.org/a%20cat.jpg"
    for written in (quote(inner, safe=""), quote("https://cats.example.org/a cat.jpg", safe="")):
        assert judged(f"https://wsrv.nl/?url={written}").original == inner


def test_a_proxy_of_its_own_pictures_has_no_others():
    """An address without a scheme is another host's: a path it is not."""
    wrapped = "https://cats.example.org/_next/image?url=%2F%2Fother.example%2Fcat.jpg&w=64"
    assert judged(wrapped).original == wrapped


def test_a_signed_proxy_behind_a_proxy_stays_wrapped():
    """Its owner signed what it shows, and how."""
    signed = f"https://images.weserv.nl/?url={ESCAPED}&token=abc"
    wrapped = f"https://wsrv.nl/?url={quote(signed, safe='')}"
    assert judged(wrapped).original == signed
    assert judged(wrapped).key == judged(signed).key


def test_an_original_that_nobody_could_fetch_is_none():
    """The larger size's address is longer; past the limit, the one that came is fetched."""
    begin, end = "https://pbs.twimg.com/media/", ".jpg"
    for room in (0, 40):
        address = begin + "A" * (MAX_CHARS - len(begin) - len(end) - room) + end
        assert (judged(address).original == address) is (room == 0)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_three_proxies_at_most(depth):
    """Proxies of proxies are looked through three times; what is deeper is left as it is."""
    wrapped = CAT
    for _ in range(depth):
        wrapped = f"https://wsrv.nl/?url={quote(wrapped, safe='')}"
    assert judged(wrapped).original == (CAT if depth <= 3 else wrapped)


SIZES = {
    "wikimedia": [
        f"{COMMONS}/a/ab/Red_cat.jpg",
        f"{COMMONS}/thumb/a/ab/Red_cat.jpg/320px-Red_cat.jpg",
        f"{COMMONS}/thumb/a/ab/Red_cat.jpg/1280px-Red_cat.jpg?20200101",
        "http://upload.wikimedia.org/wikipedia/commons/thumb/a/ab/Red_cat.jpg/lossy-9px-x.jpg",
        "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Red_cat.jpg/120px-Red_cat.jpg",
        "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Red_cat.jpg/1920px-x?utm_medium=a",
    ],
    "pinterest": [
        f"{PIN}/{size}/ab/cd/ef/abcdef012345.jpg"
        for size in ("originals", "236x", "564x", "736x", "75x75_RS")
    ],
    "twitter": [
        "https://pbs.twimg.com/media/AbC_d-e?format=jpg&name=small",
        "https://pbs.twimg.com/media/AbC_d-e?name=orig&format=jpg",
        "https://pbs.twimg.com/media/AbC_d-e.jpg",
        "https://pbs.twimg.com/media/AbC_d-e.jpg:large",
        "https://pbs.twimg.com/media/AbC_d-e.jpg?name=900x900",
    ],
    "google photos": [LH, f"{LH}=s320", f"{LH}=w400-h300-no", f"{LH}=s0"],
    "blogspot": [
        f"{BLOG}/s320/cat.jpg",
        f"{BLOG}/s1600-h/cat.jpg",
        f"{BLOG}/w640-h480/cat.jpg",
        "https://4.bp.blogspot.com/-aB/Xy/AAA/Zz/s0/cat.jpg",
    ],
    "flickr": [
        f"{FLICKR}/5012_0abc_m.jpg",
        f"{FLICKR}/5012_0abc.jpg",
        f"{FLICKR}/5012_0abc_b.jpg",
        f"{FLICKR}/5012_9fff_o.png",
        f"{FLICKR}/5012_9fff_3k_d.jpg",
        "https://farm9.staticflickr.com/65535/5012_0abc_z.jpg?zz=1",
    ],
    "shopify": [
        f"{SHOP}/cat.jpg?v=12",
        f"{SHOP}/cat_100x100.jpg?v=12",
        f"{SHOP}/cat_x300@2x.jpg?v=12",
        f"{SHOP}/cat_500x_crop_center.jpg?v=12",
        f"{SHOP}/cat.jpg?height=3&v=12&width=200",
    ],
    "shopify elsewhere": [
        "https://cats.example/cdn/shop/files/cat.jpg?v=1&width=200",
        "https://cats.example/cdn/shop/files/cat_200x.jpg?v=1",
    ],
    "amazon": [
        f"{AMAZON}/81aBc.jpg",
        f"{AMAZON}/81aBc._SX300_.jpg",
        f"{AMAZON}/81aBc._AC_UF1000,1000_QL80_.jpg",
        "https://images-na.ssl-images-amazon.com/images/I/81aBc._SL75_.jpg",
    ],
    "squarespace": [SPACE, f"{SPACE}?format=750w", f"{SPACE}?format=original"],
    "inaturalist": [
        *[f"{INATURALIST}/{size}.jpg" for size in ("square", "small", "medium", "large")],
        "https://static.inaturalist.org/photos/123/original.jpeg?1545",
    ],
    "cloudinary": [
        f"{CLOUD}/upload/v1312461204/folder/cat.jpg",
        f"{CLOUD}/upload/w_300,h_200,c_fill/v1312461204/folder/cat.jpg",
        f"{CLOUD}/upload/f_auto/q_auto:good/v1312461204/folder/cat.jpg",
    ],
}
PAIRS = [
    pytest.param(addresses[0], other, id=f"{site}-{number}")
    for site, addresses in SIZES.items()
    for number, other in enumerate(addresses)
]


@pytest.mark.parametrize(("first", "other"), PAIRS)
def test_sizes_of_a_picture_share_a_key(first, other):
    """A picture has one key in all its sizes."""
    assert address_key(other) == address_key(first)
    assert not judged(other).is_thumbnail


def test_pictures_of_known_hosts_differ():
    """No rule makes one picture of two: every host's first pictures have keys of their own."""
    others = [addresses[0].replace("cat", "dog") for addresses in SIZES.values()]
    every = {address for addresses in SIZES.values() for address in addresses[:1]} | set(others)
    assert len({address_key(address) for address in every}) == len(every)


@pytest.mark.parametrize(
    ("given", "best"),
    [
        (f"{COMMONS}/thumb/a/ab/C.JPG/320px-C.JPG", f"{COMMONS}/a/ab/C.JPG"),
        (f"{COMMONS}/thumb/a/ab/C.JPG/1200px-C.JPG", f"{COMMONS}/a/ab/C.JPG"),
        (f"{COMMONS}/thumb/a/ab/C.JPG/2000px-C.JPG", f"{COMMONS}/a/ab/C.JPG"),
        (
            "https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Cat.jpg/330px-Cat.jpg?utm_x=1",
            f"{COMMONS}/a/ab/Cat.jpg",
        ),
        (f"{PIN}/236x/ab/cd/ef/abc0.jpg", f"{PIN}/originals/ab/cd/ef/abc0.jpg"),
        (
            "https://pbs.twimg.com/media/A.jpg:small",
            "https://pbs.twimg.com/media/A?format=jpg&name=orig",
        ),
        (f"{LH}=w400-h300-no", f"{LH}=s0"),
        (f"{BLOG}/s320/cat.jpg", f"{BLOG}/s0/cat.jpg"),
        (f"{FLICKR}/5012_0abc_m.jpg", f"{FLICKR}/5012_0abc_b.jpg"),
        (f"{SHOP}/cat_100x100.jpg?v=12", f"{SHOP}/cat.jpg?v=12"),
        (f"{AMAZON}/81aBc._SX300_.jpg", f"{AMAZON}/81aBc.jpg"),
        (f"{SPACE}?format=750w", f"{SPACE}?format=original"),
        (f"{INATURALIST}/square.jpg", f"{INATURALIST}/original.jpg"),
        (f"{CLOUD}/upload/w_30/v13/cat.jpg", f"{CLOUD}/upload/v13/cat.jpg"),
        ("https://i0.wp.com/i.pinimg.com/236x/ab/cd/ef/abc0.jpg?ssl=1",
         f"{PIN}/originals/ab/cd/ef/abc0.jpg"),
    ],
)  # fmt: skip
def test_a_small_size_leads_to_a_larger_one(given, best):
    """Of a small rendering, the original or a larger rendering is known."""
    assert judged(given).original == best
    assert judged(best).original == best
    assert judged(best).key == judged(given).key


@pytest.mark.parametrize(
    "address",
    [
        CAT,
        f"{COMMONS}/a/ab/Red_cat.jpg",
        f"{COMMONS}/thumb/a/ab/Scan.tif/2000px-Scan.tif.jpg",
        f"{COMMONS}/thumb/a/ab/Logo.svg/320px-Logo.svg.png",
        f"{COMMONS}/thumb/a/ab/Big.jpg/1920px-Big.jpg",
        f"{FLICKR}/5012_9fff_o.png",
        f"{INATURALIST}/large.jpg",
        "https://example.com/thumb/a/ab/C.jpg/320px-C.jpg",
        "https://evil.example/i0.wp.com/x.example/a.jpg",
        "https://i0.wp.com.evil.example/x.example/a.jpg",
        "https://folder.example/unsafe/300x200/my.photos/cat.jpg",
    ],
)
def test_what_is_large_enough_or_unknown_stays(address):
    """Renderings that suffice, files that are no pictures, and other hosts are left alone."""
    assert judged(address).original == address


@pytest.mark.parametrize(
    "address",
    [
        f"https://wsrv.nl/?url={ESCAPED}&token=abc",
        f"{SHOP}/cat_100x100.jpg?v=12&signature=abc",
        f"{SPACE}?format=750w&Expires=1",
        f"{CLOUD}/fetch/s--abcdefgh--/w_200/{CAT}",
        f"{CLOUD}/upload/s--abcdefgh--/w_200/v1/cat.jpg",
        "https://a.example/_next/image?url=%2Fa.jpg&X-Amz-Signature=ab",
    ],
)
def test_signed_addresses_are_taken_as_they_are(address):
    """No rule looks through or changes an address whose signature it would break."""
    assert judged(address).original == address
    assert judged(address).key == address_key(canonical(address))


def test_a_signed_address_behind_a_proxy_keeps_its_signature():
    """The address itself comes out of a proxy to the letter."""
    signed = "https://a.example/%7ex_100x100.jpg?sig=A%2fb&b=2&a=1"
    assert [judged(one).original for one in proxied(signed)] == [signed] * len(proxied(signed))


OIP = "OIP.aBc-1_2dEf"
THUMBNAILS = {
    "bing": [
        f"https://tse1.mm.bing.net/th?id={OIP}&pid=Api&w=200",
        f"https://tse4.mm.bing.net/th/id/{OIP}?pid=Api",
        f"https://tse2-mm.cn.bing.net/th/id/{OIP}?w=1",
        f"https://th.bing.com/th/id/{OIP}?rs=1",
        f"https://www.bing.com/th?id={OIP}",
        "https://external-content.duckduckgo.com/iu/?f=1&u="
        + quote(f"https://tse3.mm.bing.net/th?id={OIP}&pid=Api", safe=""),
    ],
    "google": [
        "https://encrypted-tbn0.gstatic.com/images?q=tbn:ANd9Gc_x&s",
        "https://encrypted-tbn3.gstatic.com/images?q=tbn%3AANd9Gc_x&usqp=CAU",
    ],
    "brave": ["https://imgs.search.brave.com/ab/rs:fit:860:0:0/g:ce/aHR0cHM6"],
    "baidu": [
        "https://img0.baidu.com/it/u=123,456&fm=253&fmt=auto?w=500&h=500",
        "http://img1.imgtn.bdimg.com/it/u=123,456&fm=26",
        "https://ss2.bdstatic.com/it/u=123,456&fm=15",
    ],
}


@pytest.mark.parametrize("engine", THUMBNAILS)
def test_thumbnails_of_engines_are_known(engine):
    """A search engine's small copies are known as such, and have one key on all its hosts."""
    judgements = [judged(address) for address in THUMBNAILS[engine]]
    assert {one.is_thumbnail for one in judgements} == {True}
    assert len({one.key for one in judgements}) == 1
    assert judged(THUMBNAILS[engine][0] + "&token=1").is_thumbnail


@pytest.mark.parametrize(
    "address", ["https://www.bing.com/a.jpg", "https://image.baidu.com/a.jpg", CAT]
)
def test_not_everything_of_an_engine_is_a_thumbnail(address):
    """Other pictures of the same hosts are pictures."""
    assert not judged(address).is_thumbnail


# ------------------------------------------------------------------ properties

NAMES = st.text(alphabet=string.ascii_lowercase + "0123456789-_~ .é", min_size=1, max_size=12)
EVERY = [
    *proxied(CAT),
    *(address for group in SIZES.values() for address in group),
    *(address for group in THUMBNAILS.values() for address in group),
]


@st.composite
def mutated(draw):
    """A known address with a few characters taken out, put in or repeated."""
    text = draw(st.sampled_from(EVERY))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 6))
        put = draw(st.one_of(st.sampled_from(EVERY), st.text(max_size=4), st.just(quote(text))))
        text = text[:at] + put + text[at + cut :]
    return text[: MAX_CHARS + 10]


@STEADY
@given(st.one_of(mutated(), st.text(max_size=200)))
def test_no_text_upsets_it(text):
    """Whatever comes: no exception, a stable key, and an original that may itself be asked for."""
    judgement = judged(text)
    assert (judgement is None) == (canonical(text) is None)
    if judgement is None:
        return
    again = judged(judgement.original)
    assert again is not None
    assert judged(canonical(text)).key == judgement.key
    assert again.original == judgement.original


@STEADY
@given(
    st.lists(st.tuples(NAMES, NAMES), max_size=4, unique_by=lambda pair: pair[0].lower()),
    NAMES,
    st.randoms(use_true_random=False),
)
def test_order_case_escapes_and_tracking_make_no_difference(pairs, name, random):
    """One picture, written in every way in which it may be written, has one key."""
    fields = [f"{quote('q' + left)}={quote(right)}" for left, right in pairs]
    plain = f"https://pictures.example/{quote(name)}?{'&'.join(fields)}"
    other = [*fields, "utm_source=x", "%46BCLID=y"]
    random.shuffle(other)
    escaped = "".join(
        f"%{ord(char):02x}" if char.isascii() and random.random() < 0.5 else char for char in name
    ).replace(" ", "%20")
    varied = f"HTTPS://Pictures.EXAMPLE:443/{escaped}?{'&'.join(other)}#part"
    assert address_key(varied) == address_key(plain)
    for one, two in zip(proxied(plain), proxied(varied), strict=True):
        assert address_key(one) == address_key(two) == address_key(plain)


@pytest.mark.parametrize("host", ["i0.wp.com", "res.cloudinary.com", "lh3.googleusercontent.com",
    "cdn.shopify.com", "x.imgix.net", "tse1.mm.bing.net", "live.staticflickr.com", "a.example",
    "m.media-amazon.com", "upload.wikimedia.org", "thumb.wikimedia.org",
    "img0.baidu.com"])  # fmt: skip
def test_hostile_repetitions_cost_little(host):
    """What repeats until the limit is judged at once: no pattern tries all ways to match."""
    pieces = ["/unsafe/", "/1x1", "/a_1", "/w_1,", "/image/upload/w_1/", "/image/fetch/", "_1x",
              "/http:/", "%", "%2", "&id=", "?q=tbn:", "/s1", "=s1-a", "/cdn/shop/_1", "../",
              "/_next/image", "/cdn-cgi/image/", "-a", "/trim:", "/filters:", "/it/u=1,", "é",
              "/images/I/a._", "/a/ab/", "/thumb/a/ab/x/1px-", "://", "[", ".", "/1/1_a",
              "&a="]  # fmt: skip
    for piece in pieces:
        for start in ("/", "/th?", "/image/upload/", "/image/fetch/", "/cdn/shop/", "/unsafe/"):
            text = f"https://{host}{start}"
            judged((text + piece * MAX_CHARS)[:MAX_CHARS])
            judged((text + piece * MAX_CHARS)[: MAX_CHARS - 1] + "!")
            assert judged(canonical(text)) is not None
