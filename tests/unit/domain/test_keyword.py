"""Words and the folders they are filed under."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pixcrawler.domain.keyword import (
    FOLDER_MAX_CHARS,
    KEYWORD_MAX_CHARS,
    NAME_MAX_CHARS,
    Keyword,
    Name,
    folder_name,
)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("Red Panda", "red_panda"),
        ("  a/b\\c..d ", "a_b_c_d"),
        ("test_tube", "test_tube"),
        ("CON", "con_"),
        ("Käuzchen", "käuzchen"),
        ("../..", ""),
        ("ﬁsh", "fish"),
        ("猫", "猫"),
    ],
)
def test_folder_names(text, folder):
    """Folder names are lower case, portable, and never a path."""
    assert folder_name(text) == folder


@given(st.text(max_size=300))
def test_a_folder_name_is_safe_everywhere(text):
    """Whatever the text: no separators, no dots, bounded, stable when applied twice."""
    name = folder_name(text)

    assert not set(name) & set('/\\.:*?"<>| \x00')
    assert len(name) <= FOLDER_MAX_CHARS + 1
    assert folder_name(name) == name


@pytest.mark.parametrize(("kind", "limit"), [(Keyword, KEYWORD_MAX_CHARS), (Name, NAME_MAX_CHARS)])
def test_a_word_is_bounded_in_the_form_that_is_stored(kind, limit):
    """A character that is folded into many counts as many; the limit itself is allowed."""
    word = TypeAdapter(kind)
    ligature = "\ufdfa"  # 18 characters when written out

    assert len(word.validate_python("a" * limit)) == limit
    with pytest.raises(ValidationError, match="at most"):
        word.validate_python(ligature * (limit // 18 + 1))
