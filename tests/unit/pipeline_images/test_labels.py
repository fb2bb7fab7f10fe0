"""Label files say the same in four formats, whatever the words in them."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from pixcrawler.domain.dataset import ManifestImage
from pixcrawler.domain.keyword import folder_name
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.papers.labels import LABEL_FILES, class_names, label_files
from tests.factories import some_facts

HOSTILE = [
    "=1+1",
    "@SUM(A1)",
    "+49 30",
    "-2",
    'a "quoted" word',
    "comma, semicolon; tab",
    "no",
    "null",
    "1e3",
    "2024-01-01",
    "{[&*!|>%",
    "train",
    "test",
    "con",
    "Zürich",
    "красная панда",
    "パンダ",
]


def an_entry(number: int, category: str, **changes) -> ManifestImage:
    """Return an image of the manifest."""
    facts = some_facts(number)
    folder = folder_name(category)
    given = {
        "id": facts.sha256[:16],
        "path": f"images/{folder}/{folder}/{facts.sha256[:16]}.jpg",
        "category": category,
        "keyword": category,
        "source_url": f"https://pictures.example/{number}.jpg",
        "facts": facts,
        "provenance": Provenance(engine="openverse"),
        "shard": "images/000-00000.tar",
        "offset": 512,
        "length": facts.bytes,
    }
    return ManifestImage(**{**given, **changes})


ENTRIES = [an_entry(number, word) for number, word in enumerate(HOSTILE)]
FILES = label_files(ENTRIES)
CSV, JSON, TXT, YAML = (FILES[name].decode() for name in LABEL_FILES)


def test_four_files():
    """The labels come as CSV, JSON, TXT and YAML."""
    assert list(FILES) == [f"labels/labels.{kind}" for kind in ("csv", "json", "txt", "yaml")]


def test_json_has_every_word_as_it_is():
    """JSON holds each image's path, category, label and keyword, unchanged."""
    told = json.loads(JSON)
    assert [entry["category"] for entry in told["images"]] == HOSTILE
    assert [entry["path"] for entry in told["images"]] == [entry.path for entry in ENTRIES]
    assert [told["classes"][entry["label"]] for entry in told["images"]] == HOSTILE


def test_yaml_says_what_json_says():
    """YAML reads back as the same texts: no word turns into a date, a number or nothing."""
    assert yaml.safe_load(YAML) == json.loads(JSON)


def test_txt_has_three_columns():
    """A line an image: path, category, keyword, separated by tabs."""
    assert TXT.splitlines() == [f"{one.path}\t{one.category}\t{one.keyword}" for one in ENTRIES]


def test_csv_reads_back():
    """The CSV has one row an image; only formulas are changed, by one apostrophe."""
    rows = list(csv.DictReader(io.StringIO(CSV)))
    assert [row["path"] for row in rows] == [entry.path for entry in ENTRIES]
    assert [row["category"].removeprefix("'") for row in rows] == HOSTILE
    assert [row["category"] for row in rows if row["category"].startswith("'")] == [
        "'=1+1",
        "'@SUM(A1)",
        "'+49 30",
        "'-2",
    ]
    assert [int(row["label"]) for row in rows] == [class_names(ENTRIES).index(w) for w in HOSTILE]


@pytest.mark.parametrize(
    "creator",
    ['=HYPERLINK("http://x")', "\t=1", " \n=1", "＝1+1", "-1\r\n=2", "@x"],  # noqa: RUF001
)
def test_no_cell_is_a_formula(creator):
    """No text of a stranger begins a cell as a formula or breaks its row."""
    entry = an_entry(0, "birds", provenance=Provenance(engine="openverse", creator=creator))
    text = label_files([entry])["labels/labels.csv"].decode()
    [row] = csv.DictReader(io.StringIO(text))
    assert row["creator"].startswith("'")
    assert len(text.splitlines()) == 2


def test_numbers_are_those_of_folder_based_loaders():
    """Labels are numbered in the order of the folders' names, as folder-based loaders do."""
    names = class_names([an_entry(n, word) for n, word in enumerate(["Zebra", "apple", "Bär"])])
    assert names == ["apple", "Bär", "Zebra"]


def test_no_images():
    """A version without images has label files without entries."""
    assert json.loads(label_files([])["labels/labels.json"]) == {"classes": [], "images": []}
