"""./dev and the Pythons that it may be started with."""

import ast
import subprocess
import sys

from tests.fakes.dev_checkout import ROOT, a_checkout, environment


def as_python_38(folder, code="import runpy; runpy.run_path(path, run_name='__main__')"):
    """Return a command that runs ./dev under a Python that says it is 3.8."""
    return [
        *(sys.executable, "-c"),
        f"import sys; path=sys.argv[1]; sys.argv=sys.argv[1:]; sys.version_info=(3, 8, 0); {code}",
        str(folder / "dev"),
    ]


def test_an_old_python_can_read_the_entry():
    """The entry is written so that Python 3.6 gets as far as saying what is wrong."""
    ast.parse((ROOT / "dev").read_text(), feature_version=(3, 6))


def test_an_old_python_says_what_it_needs(checkout):
    """Without a newer Python on the path, one sentence says which ones will do."""
    done = subprocess.run(
        as_python_38(checkout), env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "./dev needs Python 3.11, 3.12 or 3.13. This is Python 3.8" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_finds_a_newer_one(checkout):
    """A newer Python on the path is used; a name on the path that leads nowhere is not."""
    programs = checkout.parent / "pythons"
    programs.mkdir()
    (programs / "python3.11").write_text("#!/bin/sh\nexit 127\n")
    (programs / "python3.12").write_text('#!/bin/sh\n[ "$1" = -c ] || echo newer "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    done = subprocess.run(
        [*as_python_38(checkout), "run", "a b"],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"newer {checkout}/dev run a b\n"


def test_a_python_without_ensurepip_says_what_to_install(tmp_path):
    """Where the system has left ensurepip out, the package that brings it is named."""
    folder = a_checkout(tmp_path / "a b")
    code = "sys.modules['ensurepip'] = None; sys.argv = [path, 'run']; import runpy; "
    code += "runpy.run_path(path, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; path = sys.argv[1]; {code}", str(folder / "dev")],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sudo apt install python3." in done.stderr
    assert not (folder / ".venv").exists()
