"""Histories for people, rewound histories, filters and addresses."""

from __future__ import annotations

import json

import pytest

from pixcrawler.host.durable.errors import DurableRefused
from pixcrawler.host.durable.history import Kind, event
from pixcrawler.host.durable.links import Links
from pixcrawler.host.durable.queries import condition, page_size, seconds
from pixcrawler.host.durable.rewinds import rewound
from pixcrawler.host.durable.views import history_view, value_of

HISTORY = [
    event(Kind.ORCHESTRATOR_STARTED),
    event(Kind.EXECUTION_STARTED, Name="story", Input='"in"'),
    event(Kind.TASK_SCHEDULED, 0, Name="good"),
    event(Kind.TASK_SCHEDULED, 1, Name="bad"),
    event(Kind.SUB_CREATED, 2, Name="child", InstanceId="c1"),
    event(Kind.SUB_CREATED, 3, Name="child", InstanceId="c2"),
    event(Kind.ORCHESTRATOR_COMPLETED),
    event(Kind.TASK_COMPLETED, TaskScheduledId=0, Result='{"a": 1}'),
    event(Kind.TASK_FAILED, TaskScheduledId=1, Reason="r", Details="d"),
    event(Kind.SUB_FAILED, TaskScheduledId=2, Reason="r", Details="d"),
    event(Kind.SUB_FAILED, TaskScheduledId=3, Reason="r", Details="d"),
    event(Kind.EXECUTION_COMPLETED, 4, OrchestrationStatus="Failed", Result="no"),
]


def test_a_shown_history_joins_completions_with_what_they_complete():
    """Frames are left out, and a completion carries the name and the time of its start."""
    shown = history_view(HISTORY[:8], show_input=True, show_output=True)
    kinds = [item["EventType"] for item in shown]
    assert kinds == [
        "ExecutionStarted",
        "TaskScheduled",
        "SubOrchestrationInstanceCreated",
        "SubOrchestrationInstanceCreated",
        "TaskCompleted",
    ]
    assert shown[-1]["FunctionName"] == "good"
    assert shown[-1]["ScheduledTime"] == HISTORY[2]["Timestamp"]
    assert shown[-1]["Result"] == {"a": 1}
    assert shown[0]["FunctionName"] == "story"


def test_inputs_and_outputs_are_shown_only_when_asked_for():
    """Both may be large."""
    shown = history_view(HISTORY, show_input=False, show_output=False)
    assert not any("Input" in item or "Result" in item for item in shown)


@pytest.mark.parametrize(("raw", "value"), [(None, None), ('"x"', "x"), ("plain", "plain")])
def test_a_payload_that_is_no_json_stays_text(raw, value):
    """Such as the reason of a termination."""
    assert value_of(raw) == value


def test_a_rewound_history_has_no_failures():
    """Failed calls go, good ones stay; a child that can go on keeps its creation."""
    events, children = rewound(HISTORY, lambda child: child == "c1")
    kinds = [Kind(item["EventType"]) for item in events]
    assert len(events) == len(HISTORY)
    assert children == ["c1"]
    assert kinds[2:6] == [Kind.TASK_SCHEDULED, Kind.GENERIC, Kind.SUB_CREATED, Kind.GENERIC]
    assert kinds[7:] == [Kind.TASK_COMPLETED, *[Kind.GENERIC] * 4]
    assert events[3]["Data"] == "Rewound: TaskScheduled"


@pytest.mark.parametrize(
    "query",
    [
        {"runtimeStatus": "Completd"},
        {"runtimeStatus": "Completed,"},
        {"createdTimeFrom": "yesterday"},
        {"createdTimeTo": "2026-13-01"},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(query):
    """A misspelt filter must not widen a purge to everything."""
    with pytest.raises(DurableRefused):
        condition(query)


@pytest.mark.parametrize("top", ["0", "-1", "x", "1.5", "\u0663"])
def test_a_page_size_that_is_none_is_refused(top):
    """Whole numbers above 0; at most 1,000 are given."""
    with pytest.raises(DurableRefused):
        page_size({"top": top})
    assert page_size({"top": "5000"}) == 1_000
    assert page_size({}) is None


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "x", "1e9"])
def test_a_duration_that_is_none_is_refused(text):
    """Seconds from 0 to a day."""
    with pytest.raises(DurableRefused):
        seconds({"timeout": text}, "timeout")
    assert seconds({"timeout": "1.5"}, "timeout") == 1.5


def test_the_client_binding_has_what_the_sdk_reads():
    """The placeholder for ids, an RPC address that ends in a slash, quoted keys."""
    links = Links("Hub", "k+/=")
    binding = json.loads(links.client_binding("http://127.0.0.1:1", "http://127.0.0.1:2/durable"))
    assert binding["taskHubName"] == "Hub"
    assert binding["rpcBaseUrl"] == "http://127.0.0.1:2/durable/"
    assert binding["managementUrls"]["id"] == "INSTANCEID"
    assert binding["managementUrls"]["statusQueryGetUri"] == (
        "http://127.0.0.1:1/runtime/webhooks/durabletask/instances/INSTANCEID"
        "?taskHub=Hub&connection=Storage&code=k%2B%2F%3D"
    )


def test_an_id_is_quoted_in_its_addresses():
    """Spaces and colons survive the trip."""
    links = Links("Hub", "k").management("http://h", "a b:c")
    assert "/instances/a%20b%3Ac?" in links["statusQueryGetUri"]
    assert links["id"] == "a b:c"
