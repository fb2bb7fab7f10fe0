import json
import signal
import socket
import stat
import time

import psutil
import psycopg
import pytest
import requests
from azure.storage.blob import BlobServiceClient

pytestmark = pytest.mark.integration

PARTS = {
    "host": "pixcrawler.host",
    "sign-in": "pixcrawler.host.stack.auth",
    "website": "pixcrawler.host.stack.website",
    "Azurite": "azurite.js",
    "PostgreSQL": "postgres",
}


def until(probe, patience_s=60):
    """Wait for a true answer, through refused connections."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = probe()
        except (OSError, psycopg.OperationalError):
            answer = None
        if answer:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.05)


def settings_of(facts):
    """Return the environment of the app."""
    return requests.get(f"{facts['api']}/api/settings", timeout=20).json()


def part(stack, name):
    """Return the process of a part."""
    for child in psutil.Process(stack.process.pid).children():
        words = child.cmdline()
        if any(word == PARTS[name] or word.endswith("/" + PARTS[name]) for word in words):
            return child
    return None


def blob_endpoint(settings):
    """Return the address of blob storage."""
    parts = dict(word.split("=", 1) for word in settings["DataStorage"].split(";") if word)
    return parts["BlobEndpoint"]


@pytest.fixture(scope="module")
def stack(stacks):
    """A running stack that several tests look at."""
    running = stacks("everything")
    running.about = running.ready()
    return running


def test_facts(stack):
    """The stack tells where it is, in its ready line and in a private file."""
    file = stack.state / "stack.json"
    facts = json.loads(file.read_text())
    assert stack.about == {"ready": facts["api"], **facts}
    assert (facts["pid"], facts["version"]) == (stack.process.pid, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "1 migrations applied" in stack.said()


def test_settings_of_the_app(stack):
    """The app gets working addresses of all parts."""
    facts, settings = stack.about, settings_of(stack.about)
    for name, role in (("API", "pixcrawler_api"), ("WORKER", "pixcrawler_worker")):
        with psycopg.connect(settings[f"DATABASE_{name}_URL"]) as connection:
            assert connection.info.user == role
    with BlobServiceClient.from_connection_string(settings["DataStorage"]) as blobs:
        blobs.create_container("test")
    assert settings["AzureWebJobsStorage"] == settings["LakeStorage"] == settings["DataStorage"]
    assert settings["SUPABASE_URL"] == facts["auth_url"]
    assert settings["SUPABASE_PUBLISHABLE_KEY"] == facts["publishable_key"]
    assert settings["LOCAL_SITE_URL"] == settings["FETCH_ALLOW_ORIGINS"] == facts["site"]
    assert settings["TASK_HUB_NAME"] == "pixcrawler"
    assert requests.get(f"{facts['site']}/healthz", timeout=10).json()["status"] == "ok"
    headers = {"apikey": facts["publishable_key"]}
    health = requests.get(f"{facts['auth_url']}/auth/v1/health", headers=headers, timeout=10)
    assert health.json()["name"] == "GoTrue"


def test_second_start(stack, stacks):
    """A second start says where the first one is, and does no damage."""
    second = stacks("everything")
    assert second.process.wait(60) == 3
    api = stack.about["api"]
    assert f"already running: process {stack.process.pid} at {api}" in second.said()
    assert (stack.state / "stack.json").exists()
    assert settings_of(stack.about)


def test_secrets_are_not_told(stack):
    """Passwords and keys are in no log, no message, no command line; their files are private."""
    known = json.loads((stack.state / "secrets.json").read_text())
    hidden = [value for name, value in known.items() if name != "auth.publishable_key"]
    lines = [" ".join(child.cmdline()) for child in psutil.Process(stack.process.pid).children()]
    logs = [path.read_text(errors="replace") for path in (stack.state / "logs").iterdir()]
    for text in (*lines, *logs, stack.said()):
        assert not [secret for secret in hidden if secret in text]
    for name in ("secrets.json", "signing-keys.json"):
        assert stat.S_IMODE((stack.state / name).stat().st_mode) == 0o600


def test_dead_parts_are_started_again(stack):
    """Each part that is killed comes back on its address, and the stack says so."""
    facts, settings = stack.about, settings_of(stack.about)
    probes = {
        "host": lambda: requests.get(f"{facts['api']}/api/settings", timeout=5).status_code,
        "sign-in": lambda: requests.get(f"{facts['auth_url']}/auth/v1/user", timeout=5).status_code,
        "website": lambda: requests.get(f"{facts['site']}/healthz", timeout=5).status_code,
        "Azurite": lambda: requests.get(blob_endpoint(settings), timeout=5).status_code,
        "PostgreSQL": lambda: psycopg.connect(settings["DATABASE_API_URL"]).close() is None,
    }
    for name, probe in probes.items():
        part(stack, name).kill()
        until(lambda name=name: f"{name} runs again" in stack.said())
        assert until(probe)
    assert stack.process.poll() is None


def test_restart(stack, stacks):
    """After an orderly restart addresses and keys are the same, but for a port that was taken."""
    before = settings_of(stack.about)
    port = int(stack.about["api"].rpartition(":")[2])
    assert stack.end(signal.SIGINT) == 0
    assert not (stack.state / "stack.json").exists()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        refused = stacks("everything", "--port", str(port))
        assert refused.process.wait(60) == 1
        assert f"port {port} is taken by another program" in refused.said()
        again = stacks("everything")
        facts = again.ready()
        assert facts["api"] != f"http://127.0.0.1:{port}"
        assert f"port {port} of host is taken by another program" in again.said()
    after = settings_of(facts)
    names = ("DATABASE_API_URL", "DataStorage", "SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY")
    for name in (*names, "LOCAL_SITE_URL"):
        assert after[name] == before[name]
    assert again.end() == 0


def test_trouble_while_starting(start_stack, tmp_path):
    """A bad migration or app ends the start with its error, a signal at once; then it works."""
    broken = tmp_path / "broken"
    migrations = broken / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (broken / "host.json").write_text('{"version": "2.0"}')
    (broken / "function_app.py").write_text("import no_such_module\n")
    (migrations / "20250101000000_bad.sql").write_text("\nselect oops;")
    stack = start_stack("--no-website", app=broken)
    assert stack.process.wait(60) == 1
    assert "20250101000000_bad.sql, line 2" in stack.said()

    (migrations / "20250101000000_bad.sql").unlink()
    stack = start_stack("--no-website", app=broken)
    assert stack.process.wait(60) == 1
    assert "no_such_module" in stack.said()
    assert not (stack.state / "stack.json").exists()

    stack = start_stack("--no-website")
    until(lambda: psutil.Process(stack.process.pid).children())
    assert stack.end() == 0

    last = start_stack("--no-website")
    facts = last.ready()
    assert facts["site"] is None
    assert "LOCAL_SITE_URL" not in settings_of(facts)
    assert part(last, "website") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--app", "/no/such/folder"), "no such folder"),
        (("--pictures", "0"), "--pictures must be at least 1"),
        (("--port", "70000"), "--port is from 1"),
    ],
)
def test_wrong_command_line(start_stack, options, words):
    """A wrong command line is told in words, with exit code 2."""
    stack = start_stack(*options)
    assert stack.process.wait(60) == 2
    assert words in stack.said()


def test_refused_in_azure(start_stack, monkeypatch):
    """In Azure the stack does not start."""
    monkeypatch.setenv("WEBSITE_INSTANCE_ID", "x")
    stack = start_stack()
    assert stack.process.wait(60) == 1
    assert "does not run in Azure" in stack.said()
