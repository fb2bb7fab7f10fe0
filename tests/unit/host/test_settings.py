"""host.json, its overrides, local.settings.json and %NAME% references."""

from __future__ import annotations

import json

import pytest

from pixcrawler.host.errors import HostError
from pixcrawler.host.settings import (
    QueueOptions,
    add_local_settings,
    read_settings,
    refuse_azure,
    resolve_all,
    resolve_names,
)


@pytest.fixture
def app(tmp_path):
    """An app folder whose host.json is the least there can be."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    return tmp_path


def test_defaults(app):
    """An empty host.json means Azure's defaults, with a development host's polling."""
    settings = read_settings(app, {})
    assert settings.route_prefix == "api"
    assert settings.function_timeout_s == 1800
    assert settings.queues == QueueOptions(16, 8, 5, 0.0, 2.0, is_base64=True)
    assert settings.blobs.poison_blob_threshold == 5


def test_file_is_obeyed(app):
    """What host.json says is what counts."""
    document = {
        "version": "2.0",
        "functionTimeout": "-1",
        "extensions": {
            "http": {"routePrefix": ""},
            "queues": {
                "batchSize": 100,
                "maxDequeueCount": 2,
                "visibilityTimeout": "00:00:30",
                "maxPollingInterval": "00:01:00",
                "messageEncoding": "none",
            },
            "blobs": {"maxDegreeOfParallelism": 3, "poisonBlobThreshold": 1},
        },
    }
    (app / "host.json").write_text(json.dumps(document))
    settings = read_settings(app, {})
    assert settings.route_prefix == ""
    assert settings.function_timeout_s is None
    assert settings.queues == QueueOptions(32, 16, 2, 30.0, 60.0, is_base64=False)
    assert settings.blobs.max_degree_of_parallelism == 3


def test_environment_overrides_file(app):
    """AzureFunctionsJobHost__a__b wins over host.json, whatever the case of its parts."""
    (app / "host.json").write_text('{"extensions": {"queues": {"batchSize": 4}}}')
    environment = {
        "AzureFunctionsJobHost__extensions__QUEUES__batchsize": "7",
        "AzureFunctionsJobHost__functionTimeout": "00:00:09",
        "AzureFunctionsJobHost__extensions__durableTask__hubName": "Other",
    }
    settings = read_settings(app, environment)
    assert settings.queues.batch_size == 7
    assert settings.function_timeout_s == 9
    assert settings.document["extensions"]["durableTask"] == {"hubName": "Other"}


def test_references_are_resolved(app):
    """%NAME% is replaced anywhere in host.json, the task hub's name too."""
    (app / "host.json").write_text('{"extensions": {"durableTask": {"hubName": "%HUB%x"}}}')
    settings = read_settings(app, {"HUB": "mine"})
    assert settings.document["extensions"]["durableTask"]["hubName"] == "minex"


def test_unknown_reference_is_named(app):
    """A reference to nothing is an error that names the setting."""
    (app / "host.json").write_text('{"extensions": {"durableTask": {"hubName": "%HUB%"}}}')
    with pytest.raises(HostError, match="'HUB' in '%HUB%' is not set"):
        read_settings(app, {})


def test_percent_signs_without_a_name_stay():
    """Only %NAME% is a reference: a lone percent sign is not."""
    assert resolve_names("100% of %A% %", {"A": "x"}) == "100% of x %"
    assert resolve_all({"a": ["%A%", 5, None]}, {"A": "x"}) == {"a": ["x", 5, None]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "must hold a JSON object"),
        ("{", "cannot read"),
        ('{"functionTimeout": "soon"}', "'soon' is not a duration"),
        ('{"extensions": []}', "host.json"),
        ('{"extensions": {"queues": {"batchSize": 0}}}', "batchSize must be at least 1"),
        ('{"extensions": {"queues": {"messageEncoding": "rot13"}}}', "messageEncoding"),
    ],
)
def test_bad_host_json(app, text, said):
    """A host.json that cannot be used is one clear sentence."""
    (app / "host.json").write_text(text)
    with pytest.raises(HostError, match=said):
        read_settings(app, {})


def test_no_host_json(tmp_path):
    """A folder without host.json is called what it is."""
    with pytest.raises(HostError, match=r"is not a function app: it has no host\.json"):
        read_settings(tmp_path, {})


def test_local_settings_fill_gaps(app):
    """Values of local.settings.json are set where the environment says nothing."""
    document = {"Values": {"A": "file", "B": "file", "N": 5}, "Host": {"LocalHttpPort": 7099}}
    (app / "local.settings.json").write_text(json.dumps(document))
    environment = {"A": "already"}
    assert add_local_settings(app, environment) == 7099
    assert environment == {"A": "already", "B": "file", "N": "5"}


def test_no_local_settings(app):
    """The file may be missing."""
    environment: dict[str, str] = {}
    assert add_local_settings(app, environment) is None
    assert environment == {}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"IsEncrypted": True, "Values": {}}, "encrypted"),
        ({"Values": []}, "must be objects"),
        ({"Values": {"A": {"B": 1}}}, "'A' must be a text"),
    ],
)
def test_bad_local_settings(app, document, said):
    """A local.settings.json that cannot be used is one clear sentence."""
    (app / "local.settings.json").write_text(json.dumps(document))
    with pytest.raises(HostError, match=said):
        add_local_settings(app, {})


@pytest.mark.parametrize(
    "environment",
    [
        {"WEBSITE_INSTANCE_ID": "abc"},
        {"WEBSITE_POD_NAME": "pod"},
        {"AZURE_FUNCTIONS_ENVIRONMENT": "Production"},
        {"AZURE_FUNCTIONS_ENVIRONMENT": "Staging"},
    ],
)
def test_refuses_azure(environment):
    """Nothing starts where Azure runs the app."""
    with pytest.raises(HostError, match="embedded host"):
        refuse_azure(environment)


@pytest.mark.parametrize("environment", [{}, {"AZURE_FUNCTIONS_ENVIRONMENT": "development"}])
def test_runs_at_home(environment):
    """A developer's machine is not refused."""
    refuse_azure(environment)
