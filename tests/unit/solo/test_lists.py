"""Lists row by row: every form and encoding; what is wrong is told and never fatal."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

from pixcrawler.solo.columns import ColumnNames
from pixcrawler.solo.lines import LINE_MAX_CHARS, ROW_MAX_LINES
from pixcrawler.solo.lists import ITEM_MAX_CHARS, NO_ADDRESS, Fault, read_list
from pixcrawler.solo.order import CannotFetch

A, B = "https://a.example/1.jpg", "http://b.example/2,x|y;z.png?q=1#f"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "lists"
USUAL = ColumnNames()


@pytest.fixture
def read(tmp_path):
    """Read a list of these bytes to its end."""

    def reading(data, names=USUAL):
        path = tmp_path / "list"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return list(read_list(path, names))

    return reading


def urls(rows):
    return [row.url for row in rows if not isinstance(row, Fault)]


def faults(rows):
    return [(row.number, row.rule) for row in rows if isinstance(row, Fault)]


def parquet_of(**columns):
    """A Parquet file of texts."""
    arrays = {name: Array(values, type=DataType.string()) for name, values in columns.items()}
    buffer = io.BytesIO()
    write_parquet(Table.from_pydict(arrays), buffer)
    return buffer.getvalue()


TEXTS = {
    "lines": f"{A}\n{B}\n",
    "dos": f"{A}\r\n{B}",
    "mac": f"{A}\r{B}\r",
    "comments": f"# mine\n\n  {A}  \n\t# more\n{B}\n",
    "heading": f"url\n{A}\n{B}\n",
    "csv": f'note,URL\nx,{A}\n"a, b","{B}"\n',
    "tsv": f"url\tcaption\n{A}\tone\n{B}\ttwo\n",
    "sep": f'sep=;\nurl;note\n{A};x\n"{B}";y\n',
    "jsonl": f'{{"url": "{A}"}}\n{{"image_url": "{B}", "deep": [[1]]}}\n',
    "array": f'[{{"url": "{A}"}},\n "{B}"]',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_gives_its_addresses(read, text, encode):
    """Lines, tables, JSON and their encodings give the same two addresses."""
    assert urls(read(text.encode(encode))) == [A, B]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_packed_lists_are_read(read, text):
    """Any text may be packed by gzip."""
    assert urls(read(gzip.compress(text.encode()))) == [A, B]


def test_parquet_gives_addresses_captions_and_licences(read):
    """The columns of large lists are known by their usual names, row by row."""
    rows = read(parquet_of(URL=[A, None, B], TEXT=["one", "two", None], LICENSE=["CC-BY", "", ""]))
    assert urls(rows) == [A, B]
    assert faults(rows) == [(2, NO_ADDRESS)]
    assert (rows[0].provenance.title, rows[0].provenance.license) == ("one", "by")


@pytest.mark.parametrize(
    "data",
    [
        f'Photo Link,what\n{A},fox\n"{B}",\n'.encode(),
        f'{{"Photo Link": "{A}", "what": "fox"}}\n{{"Photo Link": "{B}", "url": "x"}}'.encode(),
        parquet_of(**{"Photo Link": [A, B], "what": ["fox", ""], "url": ["http://no.example"] * 2}),
    ],
    ids=["csv", "jsonl", "parquet"],
)
def test_columns_may_be_ordered_by_name(read, data):
    """--url-col and --caption-col name any column, whatever its case; nothing stands in for it."""
    rows = read(data, ColumnNames("photo link", "what"))
    assert urls(rows) == [A, B]
    assert [row.provenance.title for row in rows] == ["fox", None]


@pytest.mark.parametrize(
    "data",
    [b"url,caption\nhttps://a.example/1.jpg,x\n", parquet_of(url=[A], caption=["x"])],
    ids=["csv", "parquet"],
)
@pytest.mark.parametrize("names", [ColumnNames("link2"), ColumnNames(None, "words")])
def test_an_ordered_column_that_is_not_there_is_told(read, data, names):
    """A list without the ordered column is refused with the column's name."""
    with pytest.raises(CannotFetch, match=r"no .*(link2|words)"):
        read(data, names)


def test_plain_lines_have_no_columns(read):
    """A column cannot be ordered of a list without a heading."""
    with pytest.raises(CannotFetch, match="no heading that names a column 'link'"):
        read(f"{A}\n", ColumnNames("link"))


def test_faulty_rows_are_told_with_line_rule_and_value(read):
    """What is no address is told, and what stands around it is read."""
    rows = read(f"{A}\nnot one\nftp://x.example/y\nhttps://u:p@x.example/z\n{B}\n")
    assert urls(rows) == [A, B]
    assert [(f.number, f.rule, f.value) for f in rows if isinstance(f, Fault)] == [
        (2, NO_ADDRESS, "not one"),
        (3, NO_ADDRESS, "ftp://x.example/y"),
        (4, NO_ADDRESS, "https://u:p@x.example/z"),
    ]


def test_values_that_are_shown_steer_no_terminal(read):
    """Control characters of a faulty row are not shown as they are, nor all of a long value."""
    rows = read(f"{A}\n\x1b[2Jboo{'x' * 5000}\n")
    [fault] = [row for row in rows if isinstance(row, Fault)]
    assert "\x1b" not in fault.value
    assert len(fault.value) <= 100


def test_captions_are_plain_text(read):
    """Formulas stay text; control characters and line ends of captions become spaces."""
    rows = read(f'url,caption\n{A},=HYPERLINK("x")\n{A},"a\x07b\nc"\n')
    assert [row.provenance.title for row in rows] == ['=HYPERLINK("x")', "a b c"]


@pytest.mark.parametrize("heading", ["", "url,caption\n"], ids=["lines", "table"])
def test_a_huge_line_costs_only_itself(read, heading):
    """A line of 10 MB is told; the lines around it are read."""
    rows = read(f"{heading}{A}\n{'y' * 10_000_000}\n{A}x\n")
    assert urls(rows) == [A, f"{A}x"]
    [(number, rule)] = faults(rows)
    assert number == (3 if heading else 2)
    assert f"{LINE_MAX_CHARS:,}" in rule


def test_a_quote_that_is_never_closed_takes_few_rows_along(read):
    """After an open quote, the table goes on within a hundred lines."""
    lines = "".join(f"{A}?{n},x\n" for n in range(3 * ROW_MAX_LINES))
    rows = read(f'url,caption\n{A},"open\n{lines}')
    assert len(urls(rows)) >= 2 * ROW_MAX_LINES
    assert next(number for number, _ in faults(rows)) == 2


def test_quotes_that_open_for_ever_fill_no_memory(read):
    """A row whose every line opens another quote ends like any other that is too long."""
    rows = read('url,caption\n"' + 'x\n","' * 5000 + f'"\n{A},y\n')
    assert all(rule.startswith(("breaks the table", NO_ADDRESS)) for _, rule in faults(rows))


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("{broken", "not JSON"),
        ("[" * 90_000, "not JSON"),
        ("17", "no JSON object"),
        ('{"a": 1}', "no field url"),
        ('{"url": 5}', NO_ADDRESS),
    ],
    ids=["broken", "deep", "number", "other", "type"],
)
def test_faulty_objects_are_told(read, bad, rule):
    """A line that is no object with an address is told, and the next one is read."""
    rows = read(f'{{"url": "{A}"}}\n{bad}\n{{"url": "{B}"}}\n')
    assert urls(rows) == [A, B]
    assert faults(rows) == [(2, rule)]


@pytest.mark.parametrize(
    "tail",
    ["", "[" * 90_000, '{"url": "x', '{"url": "' + "x" * 5 * ITEM_MAX_CHARS + '"}]'],
    ids=["cut", "deep", "half", "huge"],
)
def test_a_broken_array_gives_what_stands_before(read, tail):
    """Where an array breaks off, the rows before count, and that it broke off is told."""
    rows = read(f'["{A}", "{B}", {tail}')
    assert urls(rows) == [A, B]
    assert rows[-1].is_end


def test_a_long_array_is_read_in_pieces(read):
    """An array larger than what is held of it gives all its rows."""
    rows = read(json.dumps([{"url": f"{A}?{n}", "note": "x" * 300} for n in range(5000)]))
    assert urls(rows) == [f"{A}?{n}" for n in range(5000)]


def test_a_damaged_gzip_gives_what_stands_before(read):
    """Where a packed list breaks off, the rows before count, and that it broke off is told."""
    text = "".join(f"{A}?{n}\n" for n in range(200_000))
    rows = read(gzip.compress(text.encode())[:-2000])
    assert len(urls(rows)) > 1000
    assert rows[-1].is_end


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 20, b"PAR1" + bytes(100)], ids=["bytes", "parquet"]
)
def test_what_is_no_list_is_refused(read, data):
    """Bytes that are neither text nor Parquet are refused with what a list is."""
    with pytest.raises(CannotFetch):
        read(data)


def test_a_cut_parquet_is_refused_in_words(read):
    """A Parquet file without its end is refused, not believed."""
    with pytest.raises(CannotFetch, match="Parquet cannot be read"):
        read(parquet_of(url=[A] * 100)[:-20])


def test_a_parquet_bomb_ends_its_reader_alone(tmp_path):
    """A few bytes that unpack to gigabytes give rows or a fault, and this process stays."""
    rows = read_list(FIXTURES / "bomb.parquet", USUAL)
    count = 0
    try:
        for count, _ in enumerate(rows, 1):
            if count == 1000:
                break
    except CannotFetch:
        count = 1
    finally:
        rows.close()
    assert count >= 1


def test_a_list_of_half_a_million_lines_is_never_held(tmp_path):
    """Reading 50 MB of addresses takes a few megabytes."""
    path = tmp_path / "long.txt"
    with path.open("w") as file:
        file.writelines(f"https://a.example/{n:080}.jpg\n" for n in range(500_000))
    program = (
        "import resource, sys, pathlib;"
        "from pixcrawler.solo.lists import read_list; from pixcrawler.solo.columns import *;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "rows = read_list(pathlib.Path(sys.argv[1]), ColumnNames());"
        "n = sum(1 for _, row in zip(range(150_000), rows));"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[3],
    ).stdout
    rows, grown = map(int, said.split())
    assert rows == 150_000
    assert grown < 20 * 1024
