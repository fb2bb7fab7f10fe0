"""Lists of addresses: every form, every encoding, and whatever else people and foes send."""

import io
import json
import random
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.adapters.engines.uploads import lists, parquet
from pixcrawler.adapters.engines.uploads.lists import read_list
from pixcrawler.adapters.engines.uploads.parquet import read_parquet
from pixcrawler.adapters.engines.uploads.tally import UnreadableUpload

FIXTURES = Path(__file__).parents[2] / "fixtures" / "lists"
A, B = "https://a.example/1.jpg", "http://b.example/2,x|y;z.png?q=1#f"
CALM = settings(
    max_examples=200,
    deadline=timedelta(seconds=5),
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


def urls(listing):
    return [find.url for find in listing.finds]


def outcome(read, data):
    """The addresses that come out, or the reason why none does."""
    try:
        found = urls(read(data))
    except UnreadableUpload as refused:
        return str(refused)
    assert all(url.startswith(("http://", "https://")) for url in found)
    return found


def parquet_of(**columns):
    """A Parquet file of texts."""
    arrays = {name: Array(values, type=DataType.string()) for name, values in columns.items()}
    buffer = io.BytesIO()
    write_parquet(Table.from_pydict(arrays), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n{B}",
        f"{A}\r{B}\r",
        f"# mine\n\n  {A}  \n\t# more\n{B}\n",
        f"url\n{A}\n{B}\n",
        f"\ufeffurl\n{A}\n{B}\n",
        f'url,title\n{A},one\n"{B}",two\n',
        f'# table\nTitle;Image URL\none;{A}\ntwo;"{B}"\n',
        f"title\turl\none\t{A}\ntwo\t{B}\n",
        f'sep=|\nurl|title\n{A}|one\n"{B}"|two\n',
        f'"URL"\n"{A}"\n"{B}"\n',
        f'title,LINK\n"one\nand a half",{A}\n"say ""two""","{B}"\n',
        json.dumps({"url": A}) + "\n\n" + json.dumps({"image_url": B, "more": [1]}) + "\n",
        json.dumps([A, {"contentUrl": B}]),
        json.dumps([{"url": A}, {"url": B}], indent=2),
    ],
    ids=["lines", "windows", "mac", "comments", "heading", "bom", "csv", "semicolons", "tsv",
         "sep", "quoted-heading", "quoting", "jsonl", "array", "pretty"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_form_of_a_list(text, encoding):
    """The same two addresses come out of each form, in order, and nothing is said to be amiss."""
    listing = read_list(text.encode(encoding))

    assert (urls(listing), listing.told) == ([A, B], "")


def test_a_table_says_what_is_known_of_each_picture():
    """Title, creator, licence and sizes are found under the names that people use."""
    table = (
        "Image URL,Caption,Photographer,Licence,License URL,Landing URL,Width,Height\n"
        f"{A},A robin,Ada,CC BY-SA 4.0,https://l.example/by-sa,https://p.example/1,640,480.0\n"
    )
    (find,) = read_list(table.encode()).finds
    about = find.provenance

    assert (find.url, find.width, find.height) == (A, 640, 480)
    assert (about.engine, about.title, about.creator, about.license) == (
        "uploads", "A robin", "Ada", "by-sa",
    )  # fmt: skip
    assert (about.license_url, about.page_url) == ("https://l.example/by-sa", "https://p.example/1")


def test_the_example_is_a_list():
    """The list in examples/ is read whole, with its titles."""
    path = Path(__file__).parents[3] / "examples" / "own-list.csv"
    listing = read_list(path.read_bytes())

    assert [find.provenance.title for find in listing.finds] == ["Dice", "Logo, wide"]
    assert listing.told == ""


def test_a_label_stands_for_a_missing_title():
    """Where a list has labels and no titles, they are kept as the title."""
    assert read_list(f"url,label\n{A},wren\n".encode()).finds[0].provenance.title == "wren"


def test_windows_text_is_understood():
    """What is not UTF-8 is read as spreadsheets on Windows write it."""
    table = f"url;title\n{A};Käfer\n".encode("cp1252")

    assert read_list(table).finds[0].provenance.title == "Käfer"


def test_bad_lines_are_told_and_do_no_harm():
    """The good lines are taken; the others are counted, with the first few numbers."""
    lines = [A, "no address", "javascript:alert(1)", "file:///etc/passwd", "upload://x/1",
             "https://u:p@h.example/a", B, "ftp://h.example/x.jpg"]  # fmt: skip
    listing = read_list("\n".join(lines).encode())

    assert urls(listing) == [A, B]
    assert listing.told == "6 lines are left out: 6 without a web address (line 2, 3, 4, ...)"


def test_hostile_cells_stay_text():
    """Formulas and control characters are never addresses, and titles of them are plain text."""
    table = f'url,title\n"=cmd|\'/c calc\'!A0",x\n{A},"=HYPERLINK(""h"")\x00\x1b[2J\u202e"\n'
    listing = read_list(table.encode())

    assert urls(listing) == [A]
    title = listing.finds[0].provenance.title
    assert title.startswith("=HYPERLINK")
    assert title.isprintable()


def test_a_quote_that_never_ends():
    """An open quotation mark swallows lines, not the list."""
    table = f'url,title\n{A},"open' + "x" * 200_000 + f"\n{B},two\n" + f"{A}?3,three\n"
    listing = read_list(table.encode())

    assert "break the table" in listing.told
    assert f"{A}?3" in urls(listing)


def test_huge_lines_are_left_out():
    """A line beyond all measure is counted, the next one is read."""
    listing = read_list(f"{A}\nhttps://x.example/{'y' * 500_000}\n{B}".encode())

    assert urls(listing) == [A, B]
    assert "longer than 100,000 characters (line 2)" in listing.told


def test_no_more_than_the_first_hundred_thousand(monkeypatch):
    """Beyond what any job may keep, a list is cut, and says so."""
    monkeypatch.setattr(lists, "LIST_MAX_ROWS", 3)
    listing = read_list("\n".join(f"{A}?{n}" for n in range(9)).encode())

    assert len(listing.finds) == 3
    assert "after the first 3 good ones" in listing.told


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"hello\nworld", "2 lines are left out"),
        (b"name,size\na,1\n", "no address"),
        (b"url,title\n", "no address"),
        (b"[1, 2]", "2 items"),
        (b"[1, 2", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": 1}', "no address"),
        (b'{"a": ', "not JSON"),
        (b"\x00\x01\x02binary", "no text"),
        (b"9" * 6000, "no address"),
        (b'{"url": ' + b"9" * 6000 + b"}", "not JSON"),
    ],
    ids=["prose", "table", "heading", "numbers", "broken", "deep", "object", "cut", "bytes",
         "digits", "giant"],
)  # fmt: skip
def test_what_is_no_list_names_the_form(data, said):
    """A list without a good line is refused with words that say what one looks like."""
    with pytest.raises(UnreadableUpload, match="a list of addresses is text") as refused:
        read_list(data)
    assert said in str(refused.value)


def test_parquet_is_read_by_its_columns():
    """The known columns of a data frame, as pandas writes it, are taken; the others are not."""
    listing = read_parquet((FIXTURES / "data_frame.parquet").read_bytes())
    first, second = listing.finds[:2]

    assert urls(listing) == [A, B] * 3
    assert (first.provenance.title, first.width, first.height) == ("one", 640, 480)
    assert (second.provenance.license, second.width, second.height) == ("by", None, 4)
    assert listing.told == "6 rows are left out: 6 without a web address (row 2, 3, 6, ...)"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PAR1", "damaged"),
        (b"PAR1" + bytes(100) + b"PAR1", "damaged"),
        (parquet_of(x=["1"]), "no column of addresses"),
        (parquet_of(url=["1", None]), "2 without a web address"),
        (parquet_of(url=[]), "no address"),
    ],
    ids=["start", "hollow", "no-column", "numbers", "empty"],
)
def test_parquet_that_cannot_be_used_is_refused(data, said):
    """A damaged file, and one without addresses, are refused with a reason."""
    with pytest.raises(UnreadableUpload, match=said):
        read_parquet(data)


def test_parquet_that_unpacks_to_gigabytes_is_refused():
    """A small file that would take all memory ends a process of its own, not ours."""
    data = (FIXTURES / "bomb.parquet").read_bytes()

    assert len(data) < 10_000
    with pytest.raises(UnreadableUpload, match="1 GB of memory"):
        read_parquet(data)


def test_parquet_that_takes_too_long_is_refused(monkeypatch):
    """Nobody waits for a reader that does not end."""
    monkeypatch.setattr(parquet, "PATIENCE_S", 0.001)
    with pytest.raises(UnreadableUpload, match="too long"):
        read_parquet(parquet_of(url=[A]))


def test_the_reader_of_parquet_knows_no_secret(monkeypatch):
    """Settings of the app are not handed to the process that reads hostile bytes."""
    given = {}

    def caught(command, **options):
        given.update(options["env"])
        return subprocess.CompletedProcess(command, 1, b"", b"")

    monkeypatch.setenv("DATABASE_API_URL", "secret")
    monkeypatch.setattr(parquet.subprocess, "run", caught)
    with pytest.raises(UnreadableUpload):
        read_parquet(b"")
    assert "PATH" in given
    assert "DATABASE_API_URL" not in given


@CALM
@given(
    st.binary(max_size=600)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
def test_random_bytes_give_a_list_or_a_reason(data):
    """Whatever the bytes, the reader gives a list or says why not."""
    assert outcome(read_list, data)


@CALM
@given(
    st.lists(
        st.sampled_from(
            [
                "url",
                A,
                B,
                ",",
                ";",
                '"',
                "\n",
                "\r",
                "\0",
                "{",
                "[",
                "}",
                "]",
                ":",
                "#",
                "\ud800",
                "é",
                "sep=",
            ]
        ),
        max_size=30,
    )
)
def test_broken_tables_give_a_list_or_a_reason(parts):
    """Any mixture of what lists are made of is read or refused."""
    assert outcome(read_list, "".join(parts).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("seed", range(4))
def test_damaged_parquet_gives_a_list_or_a_reason(seed):
    """A true file with a few bytes changed is read or refused, never a crash."""
    chance = random.Random(seed)
    whole = parquet_of(url=[f"{A}?{n}" for n in range(500)], title=["x"] * 500)
    for _ in range(3):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            data[chance.choice([chance.randrange(len(data)), -chance.randrange(1, 400)])] ^= 0x55
        assert outcome(read_parquet, bytes(data))
