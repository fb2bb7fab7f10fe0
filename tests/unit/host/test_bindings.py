"""What the app's bindings ask of the host."""

from __future__ import annotations

import pytest

from pixcrawler.host.bindings import check_connections, resolve_functions, uses_storage
from pixcrawler.host.calls import FunctionInfo
from pixcrawler.host.errors import AppNotLoaded, HostError

HTTP = {"name": "req", "type": "httpTrigger", "direction": "IN"}


def a_function(trigger, *outputs, name="f"):
    return {name: FunctionInfo(name, trigger, (*outputs, trigger))}


def test_names_are_resolved():
    """%NAME% is replaced in every binding, the trigger among them."""
    trigger = {"name": "m", "type": "queueTrigger", "direction": "IN", "queueName": "%A%-q"}
    output = {
        "name": "o",
        "type": "blob",
        "direction": "OUT",
        "path": "%A%/{id}",
        "connection": "C",
    }
    (info,) = resolve_functions(a_function(trigger, output), {"A": "x"}).values()
    assert info.trigger["queueName"] == "x-q"
    assert info.trigger["connection"] == "AzureWebJobsStorage"
    assert [binding["name"] for binding in info.bindings] == ["o", "m"]
    assert info.bindings[0]["path"] == "x/{id}"


@pytest.mark.parametrize("kind", ["queueTrigger", "blobTrigger", "timerTrigger"])
def test_incomplete_trigger(kind):
    """A trigger without its queue, path or schedule keeps the app from loading."""
    trigger = {"name": "m", "type": kind, "direction": "IN"}
    with pytest.raises(AppNotLoaded, match=f"cannot load the f function: its {kind} 'm' has no"):
        resolve_functions(a_function(trigger), {})


@pytest.mark.parametrize("setting", ["AzureWebJobs.F.Disabled", "AzureWebJobs__f__Disabled"])
def test_disabled(setting):
    """A function that is switched off is not there."""
    assert resolve_functions(a_function(HTTP), {setting: "True"}) == {}
    assert list(resolve_functions(a_function(HTTP), {setting: "false"})) == ["f"]


def test_storage_is_only_for_those_who_use_it():
    """An app of HTTP functions needs no storage."""
    assert not uses_storage(a_function(HTTP))
    assert uses_storage(a_function(HTTP, {"name": "o", "type": "queue", "direction": "OUT"}))


def test_connections_of_triggers_must_be_there():
    """A trigger's connection is asked for at start; an output's only when it is used."""
    output = {"name": "o", "type": "queue", "direction": "OUT", "queueName": "q"}
    trigger = {"name": "m", "type": "queueTrigger", "direction": "IN", "queueName": "q"}
    check_connections(resolve_functions(a_function(HTTP, output), {}), {})
    with pytest.raises(HostError, match=r"Functions\.f cannot be triggered"):
        check_connections(resolve_functions(a_function(trigger), {}), {})
