"""The durableTask section of host.json: taken, or refused with a sentence."""

from __future__ import annotations

import pytest

from pixcrawler.host.durable import DurableSettings, SettingsInvalid


def host_json(**section):
    """A host.json with this durableTask section."""
    return {"version": "2.0", "extensions": {"durableTask": section}}


def test_an_empty_host_json_gives_the_defaults():
    """Nothing has to be said."""
    assert DurableSettings.from_host_json({"version": "2.0"}) == DurableSettings()


def test_hub_name_and_limits_are_taken_in_any_case():
    """Keys of host.json ignore case; those that mean nothing here are passed over."""
    settings = DurableSettings.from_host_json(
        {
            "Extensions": {
                "DurableTask": {
                    "HubName": "Hub1",
                    "maxconcurrentactivityfunctions": 7,
                    "maxConcurrentOrchestratorFunctions": 8,
                    "maxConcurrentEntityFunctions": 9,
                    "storageProvider": {"type": "AzureStorage"},
                }
            }
        }
    )
    limits = settings.activities_at_once, settings.orchestrators_at_once, settings.entities_at_once
    assert (settings.hub_name, limits) == ("Hub1", (7, 8, 9))


def test_an_unresolved_hub_name_is_refused():
    """The message says what to set."""
    with pytest.raises(SettingsInvalid, match="'%TASK_HUB_NAME%' is not resolved"):
        DurableSettings.from_host_json(host_json(hubName="%TASK_HUB_NAME%"))


@pytest.mark.parametrize("name", ["", "ab", "1abc", "a-b-c", "a/b/c", "../hub", "x" * 46, 7, None])
def test_a_hub_name_that_azure_would_refuse_is_refused(name):
    """3 to 45 letters and digits, a letter first; it becomes a file name."""
    with pytest.raises(SettingsInvalid, match="no durableTask hubName"):
        DurableSettings.from_host_json(host_json(hubName=name))


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, None, 1_001])
def test_a_limit_that_is_no_limit_is_refused(value):
    """Whole numbers from 1 to 1,000."""
    with pytest.raises(SettingsInvalid, match="maxConcurrentActivityFunctions"):
        DurableSettings.from_host_json(host_json(maxConcurrentActivityFunctions=value))


@pytest.mark.parametrize("document", [{"extensions": 1}, {"extensions": {"durableTask": []}}])
def test_a_section_that_is_no_object_is_refused(document):
    """A list or number in its place is a mistake worth telling."""
    with pytest.raises(SettingsInvalid, match="must be an object"):
        DurableSettings.from_host_json(document)
