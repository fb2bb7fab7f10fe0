"""What is written for people is true."""

import ast
import re

import pytest

from devtools.commands import COMMANDS as OF_DEV
from pixcrawler.cli.arguments import parse
from pixcrawler.cli.commands import COMMANDS
from tests.architecture.house import PRODUCT, ROOT
from tests.architecture.readme import TABLES, written

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "made"), TABLES.items(), ids=[f"{p.parent.name}-{name}" for p, name in TABLES]
)
def test_the_tables_are_those_of_the_code(place, made):
    """Each generated table is as the code has it; ./dev check --fix writes it anew."""
    assert written(*place) == made()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    """README shows each command of the command line."""
    assert f"./dev {command}" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_of_dev(command):
    """What README shows after ./dev is a command there, and in its help."""
    assert command in OF_DEV
    help_text = (ROOT / "dev").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^  .*\b{command}\b", help_text)


def test_every_option_is_documented(capsys):
    """README names each option that the command line takes."""
    missing = []
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            parse([command, "--help"])
        options = re.findall(r"(?<![\w-])--[a-z][a-z-]+", capsys.readouterr().out)
        missing += [f"{command} {o}" for o in options if o not in README and o != "--help"]
    assert missing == []


def test_links_lead_somewhere():
    """Every relative link in README leads to a file of the repository."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    dead = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert dead == []


def test_every_code_of_a_failed_job_is_documented():
    """A code that a job may fail with can be looked up in README."""
    codes = {
        keyword.value.value
        for source in PRODUCT
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Failure"
        for keyword in node.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    assert codes
    assert {code for code in codes if f"`{code}`" not in README} == set()
