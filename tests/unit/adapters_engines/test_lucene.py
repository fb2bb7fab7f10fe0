"""Queries in Lucene's syntax keep phrases and exclusions, and nothing else of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.lucene import lucene_query


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("harbour crane", "harbour crane"),
        ('"tower crane" yellow', '"tower crane" yellow'),
        ("Tower Bridge", "Tower Bridge"),
        ("crane -bird", "crane -bird"),
        ('crane -"toy crane"', 'crane -"toy crane"'),
        ("close-up of a crane", "close-up of a crane"),
        ("what:* title:[a TO z]", "what title a to z"),
        ("cats AND dogs OR NOT birds", "cats and dogs or not birds"),
        ("(crane) +ship^4 ~ha!", "crane ship 4 ha"),
        ("-a:b", '-"a b"'),
        ('an "open phrase', "an open phrase"),
        ('"" - crane --ship', "crane -ship"),
        ("крани 起重机", "крани 起重机"),
        ("???", '""'),
    ],
)
def test_words_stay_words(words, query):
    """Fields, wildcards, ranges, groups and boolean words lose their meaning."""
    assert lucene_query(words) == query


@settings(derandomize=True, max_examples=300, deadline=5000)
@given(st.text(alphabet='ab"-+:*()[]{}^~!?\\/&| ANDORT', min_size=1, max_size=60))
def test_no_words_make_syntax(words):
    """Whatever is asked: quotes are balanced, and outside of them there are words only."""
    query = lucene_query(words)
    assert query.count('"') % 2 == 0
    outside = re.sub(r'"[^"]*"', "", query)
    assert not set(outside) & set("+:*()[]{}^~!?\\/&|")
    assert not {"AND", "OR", "NOT", "TO"} & set(outside.split())
