"""The house rules that no linter knows."""

import ast
import json
import subprocess
import sys

import pytest

from pixcrawler.functions import activities
from pixcrawler.pipeline.steps import STORY
from pixcrawler.settings import Settings
from tests.architecture.house import PACKAGE, PRODUCT, ROOT, TESTS, length

LONGEST_FILE = 300
LONGEST_TEST_FILE = 700  # each test is read by itself, a suite need not fit in the head
LONGEST_FUNCTION = 40
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "services", "core"}
# The platform's own settings, which no code of ours reads.
PLUMBING = {
    "FUNCTIONS_WORKER_RUNTIME",
    "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING",
    "PYTHON_THREADPOOL_THREAD_COUNT",
    "TASK_HUB_NAME",
}
# It reads back what registering wrote, so it lives beside it.
STEP_HOMES = {"find_archive": "register"}


def test_no_file_is_longer_than_300_lines():
    """A file fits in the head."""
    assert _longer(PRODUCT, LONGEST_FILE) == {}


def test_no_test_file_is_a_book():
    """Promises that share their fixtures may stay together, up to a point."""
    assert _longer(TESTS, LONGEST_TEST_FILE) == {}


def _longer(sources, limit):
    lengths = {source.name: source.text.count("\n") for source in sources}
    return {name: lines for name, lines in lengths.items() if lines > limit}


def test_no_function_is_longer_than_40_lines():
    """A function fits on a screen, its docstring not counted."""
    long = {
        f"{source.name}:{function.name}": length(function)
        for source in [*PRODUCT, *TESTS]
        for function in source.functions()
        if length(function) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_module_is_named_after_nothing():
    """A name says what a module is about."""
    names = {source.name for source in [*PRODUCT, *TESTS] if NO_NAMES & {source.path.stem}}
    assert names == set()


def test_every_module_says_what_it_is_in_one_sentence():
    """The first line of a module is a sentence; the map of the house is made of them."""
    silent = [s.name for s in PRODUCT if not s.summary.endswith((".", "?", "]")) and s.text.strip()]
    assert silent == []


def test_every_test_states_its_promise_in_one_line():
    """The docstring of a test is the requirement that it keeps."""
    silent = [
        f"{source.name}:{function.lineno} {function.name}"
        for source in TESTS
        for function in source.functions()
        if function.name.startswith("test_") and not _is_one_line(ast.get_docstring(function))
    ]
    assert silent == []


def _is_one_line(docstring):
    """Say whether the first paragraph, which is the promise, is one line."""
    return bool(docstring) and "\n" not in docstring.partition("\n\n")[0]


def test_every_step_has_one_home_of_each_kind():
    """A step has a pipeline module, an activity of its name and unit tests."""
    registered = {b.build().get_function_name() for b in activities.blueprint._function_builders}
    tested = {path.stem for path in (ROOT / "tests/unit").rglob("test_*.py")}
    missing = [
        (step.name, kind)
        for step in STORY
        for home in [STEP_HOMES.get(step.name, step.name)]
        for kind, is_there in [
            ("module", (PACKAGE / f"pipeline/{home}.py").exists()),
            ("activity", step.name in registered),
            ("unit test", f"test_{home}" in tested),
        ]
        if not is_there
    ]
    assert missing == []


def test_only_the_grammar_yields():
    """Stories say `yield from`; a bare `yield` lives in durable.py alone."""
    bare = [
        source.name
        for source in PRODUCT
        if source.path.parent == PACKAGE / "orchestration" and source.path.stem != "durable"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Yield)
    ]
    assert bare == []


def test_the_example_settings_are_the_settings():
    """local.settings.example.json names every setting and no other."""
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    named = {field.alias for field in Settings.model_fields.values()}
    families = {alias for alias in named if alias.endswith("*")}
    shown = {
        next((family for family in families if name.startswith(family[:-1])), name)
        for name in example
    }
    assert shown == named | PLUMBING


def test_the_example_settings_are_valid():
    """Copied as it is, the example gives settings within their limits."""
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    assert Settings.from_environment(example).link_ttl_s == 3600


def test_imports_run_one_way():
    """Every import contract of pyproject.toml is kept."""
    command = "from importlinter.cli import lint_imports_command as c; c(['--no-logo'])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", command],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "left_out",
    [
        *("pixcrawler/host/", "pixcrawler/cli/", "pixcrawler/solo/", "tests/", "bench/", "dev"),
        *("supabase/", "devtools/", "out/", ".pixcrawler/", ".venv/", ".git/", ".ci/"),
        "local.settings.json",
    ],
)
def test_the_deployment_leaves_out_what_the_app_does_not_need(left_out):
    """Neither the local host nor tests, tools or data are uploaded."""
    assert left_out in (ROOT / ".funcignore").read_text().splitlines()


def test_the_deployment_holds_the_app():
    """What the app needs is not left out."""
    rules = [rule.rstrip("/") for rule in (ROOT / ".funcignore").read_text().splitlines()]
    needed = ["function_app.py", "host.json", "requirements.txt", "pixcrawler"]
    needed += [f"pixcrawler/{room.name}" for room in PACKAGE.iterdir() if room.is_dir()]
    left_out = {name for name in needed if name in rules}
    assert left_out == {"pixcrawler/host", "pixcrawler/cli", "pixcrawler/solo"}


def test_nothing_names_a_machine():
    """No file of the product or its tests knows where it was written."""
    private = ["/" + "work/", "/" + "root/"]
    found = [s.name for s in [*PRODUCT, *TESTS] for word in private if word in s.text]
    assert found == []
