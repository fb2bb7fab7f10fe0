"""Request bodies: anything that is sent is either plain values or refused."""

from __future__ import annotations

import json

import azure.functions as func
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.errors import InvalidRequest, PayloadTooLarge
from pixcrawler.functions.bodies import decoded

MAX_BYTES = 4096


def read(body: bytes, content_type: str) -> object:
    """Decode as an operation would."""
    headers = {"content-type": content_type}
    request = func.HttpRequest("POST", "http://127.0.0.1/", headers=headers, body=body)
    return decoded(request, MAX_BYTES)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None, derandomize=True)
@given(value=plain)
def test_json_comes_back(value: object) -> None:
    """What was written as JSON is read as it was."""
    assert read(json.dumps(value).encode(), "application/json") == value


@settings(deadline=None, derandomize=True)
@given(value=plain)
def test_yaml_comes_back(value: object) -> None:
    """What was written as YAML is read as it was, unless it needed what is refused."""
    text = yaml.safe_dump(value)
    try:
        assert read(text.encode(), "text/yaml") == value
    except InvalidRequest as refused:
        assert refused.violations[0].rule in ("alias", "tag", "yaml")  # noqa: PT017 - either way is right


@settings(deadline=None, derandomize=True)
@given(body=st.binary(max_size=300), kind=st.sampled_from(["application/json", "text/yaml"]))
@example(b"\xef\xbb\xbf{}", "application/json")
@example(b"\xef\xbb\xbf{}", "text/yaml")
@example(b"!!timestamp x", "text/yaml")
@example(b"? ? ? a", "text/yaml")
@example(b"{<<: 1}", "text/yaml")
@example(b"<<: {a: b}", "text/yaml")
@example(b"=: 1", "text/yaml")
@example(b"0x", "text/yaml")
@example(b"0b_", "text/yaml")
@example(b"1:99:99", "text/yaml")
@example(b"9999-12-31 23:59:59+99:99", "text/yaml")
@example(b"2026-11-20: x", "text/yaml")
@example(b"1.e+999", "text/yaml")
def test_any_bytes(body: bytes, kind: str) -> None:
    """No bytes get through as anything but values that JSON can hold, or break the reader."""
    try:
        value = read(body, kind)
    except InvalidRequest as refused:
        assert refused.violations  # noqa: PT017 - either way is right
        json.dumps(refused.details, allow_nan=False).encode()
    else:
        json.dumps(value, allow_nan=False, default=str).encode()


def test_the_limit_is_exact() -> None:
    """A body of just the limit is read; one byte more is not."""
    body = b'"' + b"a" * (MAX_BYTES - 2) + b'"'
    assert read(body, "application/json") == "a" * (MAX_BYTES - 2)
    with pytest.raises(PayloadTooLarge):
        read(body + b" ", "application/json")
