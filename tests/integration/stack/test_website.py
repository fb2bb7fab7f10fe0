import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import requests

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a website with 20 good pictures of each category."""
    command = [sys.executable, "-m", "pixcrawler.host.stack.website"]
    command += ["--cache", str(tmp_path_factory.mktemp("site")), "--pictures", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["ready"]
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def by_fault(site):
    """The address of one file of each fault."""
    planted = requests.get(f"{site}/planted.json", timeout=10).json()
    return {fault: url for url, fault in planted.items()}


@pytest.fixture(scope="module")
def by_manner(site):
    """The address of one good file of each awkward manner."""
    awkward = requests.get(f"{site}/awkward.json", timeout=10).json()
    return {manner: url for url, manner in awkward.items()}


def get(url, **options):
    """Fetch an address without following redirects."""
    timeout = options.pop("timeout", 10)
    return requests.get(url, timeout=timeout, **{"allow_redirects": False, **options})


def test_api_describes_each_picture(site):
    """The search tells of each picture what a dataset needs, with absolute addresses."""
    answer = get(f"{site}/api/search", params={"q": "red apple photo", "page_size": "5"}).json()
    assert {key: answer[key] for key in ("query", "total", "page", "pages")} == {
        "query": "red apple photo",
        "total": 24,
        "page": 1,
        "pages": 5,
    }
    for result in answer["results"]:
        assert result["url"].startswith(f"{site}/images/")
        assert get(result["page_url"]).status_code == 200
        assert (result["license"], result["tags"][0]) == ("cc0", "apple")
        assert result["width"] >= 320
        assert set(result) >= {"id", "title", "filetype", "license_url", "creator", "height"}


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page_size=101",
        "page_size=0",
        "page=9999999999",
        "page=\u0661",
        "q=" + "a" * 501,
    ],
)
def test_bad_parameters(site, query):
    """A bad parameter is answered with 400 and its name, not with an error."""
    answer = get(f"{site}/api/search?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["error"]


def test_pages_for_people(site):
    """People find a front page, results with small pictures, and a page of each picture."""
    home = get(site)
    assert "text/html" in home.headers["Content-Type"]
    assert all(f">{name}<" in home.text for name in ("apple", "moon", "car"))
    results = get(f"{site}/search", params={"q": '<script>"apple'}).text
    assert "<script>" not in results
    assert "24 pictures, page 1 of 1" in results
    page = get(f"{site}/pictures/apple-001").text
    assert "CC0" in page
    assert "the picture machine of PixCrawler" in page
    assert get(f"{site}/thumbnails/apple-001.jpg").content[:2] == b"\xff\xd8"


@pytest.mark.parametrize("path", ["/nope", "/images/nope.jpg", "/pictures/nope", "/moved/nope"])
def test_missing(site, path):
    """What does not exist is 404."""
    assert get(site + path).status_code == 404


def test_robots(site):
    """Crawlers may visit all but /private/."""
    assert get(f"{site}/robots.txt").text == "User-agent: *\nDisallow: /private/\n"


@pytest.mark.parametrize(
    ("fault", "status"), [("gone", 404), ("forbidden", 403), ("server_error", 500)]
)
def test_refusals(by_fault, fault, status):
    """Refused files are refused every time."""
    assert [get(by_fault[fault]).status_code for _ in range(2)] == [status] * 2


def test_html_as_jpeg(by_fault):
    """A web page is served as if it were a JPEG."""
    answer = get(by_fault["html"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.text.startswith("<!doctype html>")


def test_redirect_loop(by_fault):
    """The loop goes on as long as one follows it, always with another address."""
    with pytest.raises(requests.TooManyRedirects):
        get(by_fault["redirect_loop"], allow_redirects=True)


def test_private_redirect(by_fault):
    """A redirect points to an address that no crawler may fetch."""
    answer = get(by_fault["private_redirect"])
    host = urlsplit(answer.headers["Location"]).hostname
    assert host in {"169.254.169.254", "10.0.0.1", "fd00::1", "192.168.0.1"}


def test_dripping(by_fault):
    """The dripping file promises much and sends a byte a second."""
    with get(by_fault["dripping"], stream=True, timeout=(5, 1.8)) as answer:
        assert int(answer.headers["Content-Length"]) > 1000
        assert len(answer.raw.read(2)) == 2


def test_wishes_about_machines(by_fault):
    """One picture lies where robots.txt closes, one is sent with noai, one says it in its bytes."""
    assert urlsplit(by_fault["disallowed"]).path.startswith("/private/")
    assert "noai" in get(by_fault["noai"]).headers["X-Robots-Tag"]
    assert b"DMI-PROHIBITED-AIMLTRAINING" in get(by_fault["reserved"]).content


def test_awkward_ones_are_good(by_manner):
    """Every awkward file ends as a good picture for a patient client."""
    throttled = get(by_manner["throttled"])
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "1")
    with pytest.raises(requests.ReadTimeout):
        get(by_manner["slow"], timeout=0.5)
    assert "Content-Length" not in get(by_manner["no_length"]).headers
    assert get(by_manner["wrong_type"]).headers["Content-Type"].startswith("text/plain")
    assert get(by_manner["redirect"]).status_code == 302
    assert "%20" in by_manner["odd_name"]
    for url in by_manner.values():
        answer = get(url, allow_redirects=True)
        assert answer.status_code == 200
        assert answer.content[:2] in {b"\xff\xd8", b"\x89P", b"RI"}


def test_addresses_follow_the_request(site):
    """Addresses in answers have the origin that was asked; a hostile Host header is refused."""
    port = urlsplit(site).port
    answer = get(f"{site}/api/search?q=apple", headers={"Host": f"localhost:{port}"}).json()
    assert answer["results"][0]["url"].startswith(f"http://localhost:{port}/images/")
    assert get(f"{site}/api/search?q=apple", headers={"Host": 'a"<b>'}).status_code == 400


def test_bad_arguments(tmp_path):
    """Wrong arguments end with a usage message."""
    command = [sys.executable, "-m", "pixcrawler.host.stack.website", "--cache", str(tmp_path)]
    done = subprocess.run(
        [*command, "--pictures", "0"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, "--pictures must be at least 1" in done.stderr) == (2, True)
