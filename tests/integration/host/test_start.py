"""Starting and stopping: what a person at a terminal sees."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.integration.host.running import ROOT, RunningHost, until

HOST_JSON = '{"version": "2.0"}'
HEADER = "import azure.functions as func\napp = func.FunctionApp()\n"


def make_app(folder: Path, code: str, host_json: str = HOST_JSON) -> Path:
    """Write an app into a folder with a space in its name."""
    app = folder / "an app"
    app.mkdir()
    (app / "function_app.py").write_text(code)
    (app / "host.json").write_text(host_json)
    return app


@pytest.fixture
def refused(tmp_path):
    """Starts a host that cannot start; its exit code and its log."""

    def start(app: Path | str, *options: str, **environment: str) -> tuple[int, str]:
        folder = tmp_path / "refused"
        folder.mkdir(exist_ok=True)
        host = RunningHost(app, folder, *options, environment=environment)
        process = host.launch()
        try:
            assert process.stdout.readline() == ""
            return host.wait(), host.log
        finally:
            host.stop()

    return start


LOAD_ERRORS = [
    ("", "Could not find top level function app instances in function_app.py."),
    (
        f"{HEADER}other = func.FunctionApp()\n",
        "More than one FunctionApp or other top level function app instances are defined.",
    ),
    (
        "import nothing_of_that_name\n",
        "ModuleNotFoundError: No module named 'nothing_of_that_name'",
    ),
    ("def broken(:\n", "SyntaxError"),
    ("raise SystemExit('no')\n", "SystemExit: no"),
    (
        "import os\nos._exit(7)\n",
        "the worker process ended with exit code 7 while it loaded the app",
    ),
    (
        f"{HEADER}@app.route(route='a')\ndef f(req: dict[str, int]) -> str: ...\n",
        "cannot load the f function: binding req has invalid non-type annotation dict[str, int]",
    ),
    (
        f"{HEADER}@app.route(route='a')\ndef f(req, more) -> str: ...\n",
        "cannot load the f function: the following parameters are declared in Python but not in",
    ),
    (
        (
            f"{HEADER}@app.route(route='a')\ndef f(req) -> str: ...\n"
            "@app.function_name('f')\n@app.route(route='b')\ndef g(req) -> str: ...\n"
        ),
        "Function f does not have a unique function name",
    ),
    (
        f"{HEADER}@app.route(route='{{x:odd}}')\ndef f(req) -> str: ...\n",
        "cannot load the f function: route constraint 'odd'",
    ),
    (
        f"{HEADER}@app.timer_trigger(arg_name='t', schedule='%GONE%')\ndef f(t) -> None: ...\n",
        "cannot load the f function: the app setting 'GONE' in '%GONE%' is not set",
    ),
    (
        f"{HEADER}@app.timer_trigger(arg_name='t', schedule='often')\ndef f(t) -> None: ...\n",
        "cannot load the f function: a schedule has six fields",
    ),
]


@pytest.mark.parametrize(
    ("code", "words"), LOAD_ERRORS, ids=[words[:40] for _, words in LOAD_ERRORS]
)
def test_app_that_does_not_load(refused, tmp_path, code, words):
    """An app that does not load is exit code 4 and the worker's own words, at once."""
    code, log = refused(make_app(tmp_path, code))
    assert (code, words in log) == (4, True), log
    assert "Traceback" not in log.split(words)[0]


def test_load_error_in_process(refused, tmp_path):
    """The same without worker processes."""
    code, log = refused(make_app(tmp_path, "raise ValueError('x')"), "--processes", "0")
    assert code == 4
    assert "function_app.py does not load: ValueError: x" in log


def test_no_app(refused, tmp_path):
    """A folder that is no app is named with what it lacks."""
    code, log = refused(tmp_path)
    assert (code, f"{tmp_path} is not a function app: it has no host.json" in log) == (1, True)
    (tmp_path / "host.json").write_text(HOST_JSON)
    code, log = refused(tmp_path)
    assert (code, "it has no function_app.py" in log) == (4, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEBSITE_INSTANCE_ID", "x"), ("AZURE_FUNCTIONS_ENVIRONMENT", "Production")],
)
def test_refuses_azure(refused, name, value):
    """In Azure the host does not start, whatever it is asked."""
    code, log = refused("plain", **{name: value})
    assert code == 1
    assert name in log


def test_port_in_use(refused):
    """A port that is taken is exit code 3 and named."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, log = refused("plain", "--port", str(port))
    assert code == 3
    assert f"port {port} of 127.0.0.1 cannot be used" in log


def test_two_hosts_on_one_state_folder(start_host, refused):
    """The second host on a state folder is told which process has it, and the first runs on."""
    first = start_host("plain")
    code, log = refused("plain", "--state", str(first.state))
    assert code == 3
    assert f"another host (process {first.ready['pid']}) uses the state folder" in log
    assert first.get("/api/text").status == 200


def test_killed_host_leaves_no_lock(start_host):
    """A host that was killed does not keep its state folder."""
    host = start_host("plain")
    keys = host.keys
    host.kill()
    host.start()
    assert host.keys == keys


def test_triggers_need_their_storage(refused):
    """A trigger without its connection is a clear refusal."""
    settings = {"SPACE": "x", "TICK": "0 0 0 1 1 *"}
    code, log = refused("stored", **settings)
    assert code == 1
    assert "the storage connection 'AzureWebJobsStorage' is not set" in log
    code, log = refused("stored", AzureWebJobsStorage__accountName="a", **settings)
    assert code == 1
    assert "is identity-based (AzureWebJobsStorage__accountName)" in log


def test_outputs_need_no_storage(start_host, tmp_path):
    """An app whose storage outputs go unused runs without storage; using one is a 500."""
    code = (
        f"{HEADER}@app.route(route='f', auth_level='anonymous')\n"
        "@app.queue_output(arg_name='out', queue_name='q', connection='Nowhere')\n"
        "def f(req: func.HttpRequest, out: func.Out[str]) -> str:\n"
        "    if req.params.get('use'):\n"
        "        out.set('x')\n"
        "    return 'ok'\n"
    )
    host = start_host(make_app(tmp_path, code))
    assert host.get("/api/f").text == "ok"
    assert host.get("/api/f?use=1").status == 500
    assert "'Nowhere' is not set" in host.log


def test_wrong_command_line():
    """A wrong option is exit code 2 and a usage line."""
    for options in (["--port", "70000", "--app", "x"], ["--threads", "0", "--app", "x"], []):
        ended = subprocess.run(
            [sys.executable, "-m", "pixcrawler.host", *options],
            cwd=ROOT,
            capture_output=True,
            check=False,
            text=True,
        )
        assert (ended.returncode, "usage:" in ended.stderr) == (2, True)


def test_local_settings_and_disabled_functions(start_host, tmp_path):
    """local.settings.json reaches functions, and AzureWebJobs.NAME.Disabled switches one off."""
    code = (
        f"{HEADER}import os\n"
        "@app.route(route='f', auth_level='anonymous')\n"
        "def f(req: func.HttpRequest) -> str:\n    return os.environ['MINE']\n"
        "@app.route(route='off', auth_level='anonymous')\n"
        "def off(req: func.HttpRequest) -> str:\n    return 'on'\n"
    )
    app = make_app(tmp_path, code)
    values = {"MINE": "from the file", "AzureWebJobs.off.Disabled": "true"}
    (app / "local.settings.json").write_text(json.dumps({"Values": values}))
    host = start_host(app)
    assert host.get("/api/f").text == "from the file"
    assert host.get("/api/off").status == 404


def test_app_that_prints_at_import(start_host, tmp_path):
    """What an app prints while it loads does not get between a program and the ready line."""
    code = f"{HEADER}print('hello from import')\nimport logging\nlogging.warning('logged too')\n"
    for processes in ("0", "1"):
        folder = tmp_path / processes
        folder.mkdir()
        host = start_host(make_app(folder, code), "--processes", processes)
        assert host.ready["functions"] == 0
        until("printed", lambda host=host: "hello from import" in host.log)
        until("logged", lambda host=host: "logged too" in host.log)


@pytest.mark.parametrize("processes", ["0", "1"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_graceful_stop(start_host, number, processes):
    """A signal lets the call that runs end, takes no other, and the exit code is 0."""
    host = start_host("plain", "--processes", processes)
    answers = []
    call = threading.Thread(target=lambda: answers.append(host.get("/api/sleeps?s=1.5")))
    call.start()
    until("the call runs", lambda: "Executing 'Functions.sleeps'" in host.log)
    host.signal(number)
    call.join()
    assert host.wait() == 0
    assert [answer.text for answer in answers] == ["awake"]
    assert "Stopped" in host.log


def test_stop_is_bounded(start_host):
    """A call that outlasts the drain is cut off; the host ends all the same."""
    host = start_host("plain", "--drain", "0.3")

    def call() -> None:
        with pytest.raises(OSError, match=r".*"):
            host.get("/api/sleeps?s=60")

    hanging = threading.Thread(target=call)
    hanging.start()
    until("the call runs", lambda: "Executing 'Functions.sleeps'" in host.log)
    host.signal(signal.SIGTERM)
    assert host.wait() == 0
    hanging.join()


def test_second_signal_stops_at_once(start_host):
    """Who presses Ctrl-C twice does not wait."""
    host = start_host("plain")

    def call() -> None:
        with pytest.raises(OSError, match=r".*"):
            host.get("/api/sleeps?s=60")

    hanging = threading.Thread(target=call)
    hanging.start()
    until("the call runs", lambda: "Executing 'Functions.sleeps'" in host.log)
    host.signal(signal.SIGINT)
    until("it drains", lambda: "Stopping: " in host.log)
    host.signal(signal.SIGINT)
    assert host.wait() == 1
    hanging.join()


def test_runs_from_anywhere(tmp_path):
    """The host starts from any folder, and keeps its state beside the app."""
    app = make_app(tmp_path, HEADER)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", "from pixcrawler.host.__main__ import main; main()"]
    process = subprocess.Popen(
        [*command, "--app", "../an app", "--port", "0"],
        cwd=elsewhere,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert json.loads(process.stdout.readline())["functions"] == 0
        assert (app / ".pixcrawler" / "host" / "keys.json").exists()
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_malformed_connection(refused):
    """A connection string that is none is refused without being shown."""
    settings = {"SPACE": "x", "TICK": "0 0 0 1 1 *", "AzureWebJobsStorage": "hunter2"}
    code, log = refused("stored", **settings)
    assert code == 1
    assert "the storage connection 'AzureWebJobsStorage' is malformed" in log
    assert "hunter2" not in log


def test_what_the_log_warns_of(start_host, tmp_path):
    """Triggers that nothing runs here and retries that mean nothing are told at start."""
    code = (
        f"{HEADER}@app.retry(strategy='fixed_delay', max_retry_count='2', "
        "delay_interval='00:00:01')\n@app.route(route='f')\n"
        "def f(req: func.HttpRequest) -> str:\n    return 'x'\n"
        "@app.event_hub_message_trigger(arg_name='e', event_hub_name='h', connection='C')\n"
        "def g(e: func.EventHubEvent) -> None: ...\n"
    )
    host = start_host(make_app(tmp_path, code))
    assert "Functions.f is not retried: retry policies are for timers" in host.log
    assert "Functions.g will not run: no eventHubTrigger here" in host.log
