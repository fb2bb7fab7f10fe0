"""Licences: what a stated code allows, and that an unknown one allows nothing."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.domain.filters import License
from pixcrawler.domain.licenses import permits, rights_of

ALL = {"open", "commercial", "modification", "free", "public_domain"}
FREE = ALL - {"public_domain"}


def allowed(code, address=None):
    """Every wish that a licence fulfils."""
    rights = rights_of(code, address)
    return {wish for wish in get_args(License)[1:] if rights and permits(rights, wish)}


@pytest.mark.parametrize(
    ("code", "wishes"),
    [
        ("by", FREE),
        ("by-sa", FREE),
        ("by-4.0", FREE),
        ("CC BY-SA 4.0", FREE),
        ("cc-by-3.0-de", FREE),
        ("by-nd", {"open", "commercial"}),
        ("by-nc", {"open", "modification"}),
        ("by-nc-sa", {"open", "modification"}),
        ("CC BY-NC-ND 2.0", {"open"}),
        ("by-nd-nc", {"open"}),
        ("cc0", ALL),
        ("CC0 1.0", ALL),
        ("cc-zero", ALL),
        ("pdm", ALL),
        ("pd-us", ALL),
        ("Public domain", ALL),
        ("public-domain", ALL),
        ("cc-publicdomain", ALL),
        ("sampling+", FREE),
        ("nc-sampling+", {"open", "modification"}),
        ("gfdl", FREE),
        ("ogl-3.0", FREE),
        ("pexels", {"commercial", "modification", "free"}),
        ("pixabay", {"commercial", "modification", "free"}),
        ("all rights reserved", set()),
        ("bysa", set()),
        ("by-nc-ndx", set()),
        ("copyright", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_what_a_code_allows(code, wishes):
    """Each known code fulfils exactly what it says; an unknown one fulfils nothing."""
    assert allowed(code) == wishes


@pytest.mark.parametrize(
    ("address", "wishes"),
    [
        ("https://creativecommons.org/licenses/by-nc/4.0/", {"open", "modification"}),
        ("http://creativecommons.org/publicdomain/zero/1.0/deed.en", ALL),
        ("https://creativecommons.org/publicdomain/mark/1.0/", ALL),
        ("http://rightsstatements.org/vocab/InC/1.0/", set()),
        ("https://creativecommons.org.evil.example/licenses/by/4.0/", set()),
        ("https://creativecommons.org/choose/", set()),
    ],
)
def test_what_an_address_says(address, wishes):
    """Where the code says nothing, the licence's own address does; nobody else's."""
    assert allowed(None, address) == wishes
    assert allowed("see website", address) == wishes


def test_the_code_decides_before_the_address():
    """An engine's code and address may differ: the code is what it filters by."""
    assert allowed("by-nc", "https://creativecommons.org/publicdomain/zero/1.0/") == {
        "open",
        "modification",
    }


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_strange_codes_are_no_trouble(code, address):
    """Whatever a source states, the answer is rights or none."""
    rights = rights_of(code, address)
    assert rights is None or permits(rights, "any")
