"""Which function ASP.NET Core would choose for a path; values worked out from its rules."""

from __future__ import annotations

import pytest

from pixcrawler.host.routes import RouteBroken, Router, compile_route

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ROUTES = [
    ("hello", "hello/{name:alpha?}", ()),
    ("job_get", "jobs/{id:guid}", ("GET",)),
    ("job_delete", "jobs/{id:guid}", ("DELETE",)),
    ("job_list", "jobs/list", ()),
    ("files", "files/{*path}", ()),
    ("num", "n/{n:int:min(3)}", ()),
    ("ext", "x/{a}.{ext}", ()),
    ("year", "d/{y:regex(^\\d{4}$)}/{v=5}", ()),
    ("job_any", "jobs/{id}", ()),
    ("length", "len/{s:length(2,4)}", ()),
]
CASES = [
    ("GET", "/api/hello", ("hello", {})),
    ("GET", "/api/hello/bob", ("hello", {"name": "bob"})),
    ("GET", "/api/hello/b0b", None),
    ("GET", f"/api/jobs/{GUID}", ("job_get", {"id": GUID})),
    ("DELETE", f"/api/jobs/{GUID}", ("job_delete", {"id": GUID})),
    ("PUT", f"/api/jobs/{GUID}", ("job_any", {"id": GUID})),
    ("GET", "/api/jobs/list", ("job_list", {})),
    ("GET", "/api/jobs/other", ("job_any", {"id": "other"})),
    ("GET", "/api/files", ("files", {})),
    ("GET", "/api/files/a/b/c.txt", ("files", {"path": "a/b/c.txt"})),
    ("GET", "/api/n/2", None),
    ("GET", "/api/n/33", ("num", {"n": "33"})),
    ("GET", "/api/x/a.b.png", ("ext", {"a": "a.b", "ext": "png"})),
    ("GET", "/api/d/2024", ("year", {"y": "2024", "v": "5"})),
    ("GET", "/api/d/2024/7", ("year", {"y": "2024", "v": "7"})),
    ("GET", "/api/d/20x4", None),
    ("GET", "/API/HELLO/bob", ("hello", {"name": "bob"})),
    ("GET", "/api/len/abcde", None),
    ("GET", "/api/nope", None),
    ("GET", "/api/hello/bob/", ("hello", {"name": "bob"})),
]


@pytest.fixture(scope="module")
def router():
    made = Router()
    for function, template, methods in ROUTES:
        made.add("api", template, function, methods)
    return made


@pytest.mark.parametrize(("method", "path", "wanted"), CASES, ids=[f"{m} {p}" for m, p, _ in CASES])
def test_chosen_route(router, method, path, wanted):
    """A request reaches the function that ASP.NET Core would choose, or none."""
    assert router.match(method, path) == wanted


CONSTRAINTS = [
    ("bool", "TRUE", "1"),
    ("datetime", "2026-11-20T10:00:00", "soon"),
    ("datetime", "11-20-2026", "20.11.2026 x"),
    ("decimal", "-12.5", "1e5"),
    ("double", "1e5", "1,2e"),
    ("float", ".5", "."),
    ("guid", GUID.replace("-", ""), GUID[:-1]),
    ("int", "-2147483648", "2147483648"),
    ("long", "9223372036854775807", "9223372036854775808"),
    ("max(5)", "5", "6"),
    ("range(2,4)", "4", "5"),
    ("length(3)", "abc", "abcd"),
    ("minlength(2)", "ab", "a"),
    ("maxlength(2)", "ab", "abc"),
    ("regex(^a.c$)", "aXc", "aXcd"),
    ("regex(^\\\\d{{2}}$)", "12", "123"),
    ("regex(^(a|b)/?$)", "A", "c"),
    ("required", "x", None),
]


@pytest.mark.parametrize(("constraint", "fits", "fails"), CONSTRAINTS)
def test_constraint(constraint, fits, fails):
    """Every constraint takes what ASP.NET takes and refuses the rest."""
    route = compile_route("", f"{{value:{constraint}}}", "f")
    assert route.match(f"/{fits}") == {"value": fits}
    if fails is not None:
        assert route.match(f"/{fails}") is None


@pytest.mark.parametrize(
    "template",
    ["{", "a/{b", "{b:nonsense}", "{b:min}", "{b:min(x)}", "{:int}", "{a}/{A}", "{b:regex(()}"],
)
def test_broken_template(template):
    """A template that ASP.NET refuses is an error when the app loads, not a silent 404."""
    with pytest.raises(RouteBroken):
        compile_route("api", template, "f")


def test_catch_all_comes_last():
    """A literal beats a constraint, a constraint a plain parameter, that a catch-all."""
    router = Router()
    for function, template in [
        ("all", "{*rest}"),
        ("plain", "{x}"),
        ("digits", "{x:int}"),
        ("word", "seven"),
    ]:
        router.add("", template, function)
    paths = {"/a/b": "all", "/x": "plain", "/7": "digits", "/seven": "word"}
    assert {path: router.match("GET", path)[0] for path in paths} == paths


def test_empty_prefix_and_route():
    """A route of nothing under a prefix of nothing answers the root."""
    router = Router()
    router.add("", "", "root")
    assert router.match("GET", "/") == ("root", {})
