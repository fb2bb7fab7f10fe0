"""Job files and words become the document that is sent."""

from pathlib import Path

import pytest

from pixcrawler.cli.errors import Mistake
from pixcrawler.cli.jobfile import MAX_BYTES, SAMPLE, Wishes, job_document
from pixcrawler.domain.jobfile import parse_job

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def file(tmp_path):
    """Write a job file and return its path as written on the command line."""

    def write(text, name="job.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_words_are_keywords_each_once():
    """Words become keywords in their order; a word given twice counts once."""
    assert job_document(["red panda", "fox", "fox"], Wishes()) == {"keywords": ["red panda", "fox"]}


def test_nothing_is_the_sample():
    """Without words the sample on the local website is built."""
    assert job_document([], Wishes()) == SAMPLE
    assert SAMPLE["engines"] == ["local"]


def test_the_command_line_wins_over_the_file(file):
    """--name, --max and --engine replace what the file says, under either of its names."""
    path = file("dataset_name: old\nkeywords: [a]\nmax_images: 5\nsearch_engines: [commons]\n")
    wishes = Wishes("new", 7, ("openverse",))
    assert job_document([path], wishes) == {
        "name": "new",
        "keywords": ["a"],
        "max_images": 7,
        "engines": ["openverse"],
    }


@pytest.mark.parametrize("name", ["job.yaml", "job.yml", "job.json", "JOB.JSON"])
def test_json_and_yaml_are_read(file, name):
    """A job file may be JSON or YAML."""
    assert job_document([file('{"keywords": ["a"]}', name)], Wishes()) == {"keywords": ["a"]}


def test_what_yaml_takes_for_a_date_stays_text(file):
    """A name such as 2020-01-01 reaches the API as it was written."""
    assert job_document([file("name: 2020-01-01\nkeywords: [a]")], Wishes())["name"] == "2020-01-01"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keywords: [a\nname: b", "line 2, column 5: not YAML"),
        ("- a\n- b", "has named fields"),
        ("", "has named fields"),
        ("name: a\nname: b", "'name' is given twice"),
        ("keywords: [.nan]", "is not a number"),
        ("x: !!python/object/apply:os.system ['true']", "not YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        ("a: &a [*a]", "nested too deeply"),
        ("? [a, b]\n: c", "cannot be read|not YAML|has named"),
        pytest.param(BOMB, "more than 200,000 values", id="alias bomb"),
        pytest.param("#" * (MAX_BYTES + 1), "at most 1,048,576 bytes", id="too large"),
        pytest.param("[" * 100_000, "cannot be read|not YAML", id="deep"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(file, text, said):
    """A file that is no job file is refused with the place and the reason."""
    with pytest.raises(Mistake, match=said) as caught:
        job_document([file(text)], Wishes())
    assert "\n" not in caught.value.message


def test_a_json_fault_names_its_place(file):
    """A fault in JSON is told with line and column."""
    with pytest.raises(Mistake, match=r"job.json, line 2, column 1: not JSON"):
        job_document([file('{"a": 1,\n', "job.json")], Wishes())


def test_a_missing_file_is_named(tmp_path):
    """A job file that is not there is not taken for a word."""
    with pytest.raises(Mistake, match="there is no such file"):
        job_document([str(tmp_path / "no.yaml")], Wishes())


def test_a_file_and_words_do_not_mix(file):
    """A job file beside words is refused, because one of them would be ignored."""
    with pytest.raises(Mistake, match="not both"):
        job_document([file("keywords: [a]"), "b"], Wishes())


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".yaml", ".json")),
    ids=lambda path: path.name,
)
def test_the_examples_are_job_files(path):
    """Every job file of examples/ is one that the API accepts."""
    assert parse_job(job_document([str(path)], Wishes())).max_images > 0


def test_the_sample_is_among_the_examples():
    """What a run with no words builds can be read, and changed, as a file."""
    assert job_document([str(EXAMPLES / "sample.yaml")], Wishes()) == SAMPLE
