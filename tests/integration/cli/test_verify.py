"""Verify finds every change of a dataset, and believes nothing that lies in it."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import zipfile

import pytest

from pixcrawler.cli import holding
from pixcrawler.domain.source import Provenance
from tests.factories import an_image
from tests.fakes.api_server import DATASET_ID
from tests.integration.cli.dataset_made import RECEIPTS, Dataset, made_files


@pytest.fixture(scope="module")
def made():
    """The files of an archive with four images, as the app makes it."""
    return made_files()


@pytest.fixture
def dataset(made):
    """A dataset that may be changed."""
    return Dataset(made)


@pytest.fixture(params=["folder", "zip"])
def verify(request, cli, tmp_path):
    """Write a dataset in one of its two forms, and verify it; no API is near."""

    def run(dataset, *arguments):
        path = tmp_path / ("here" if request.param == "folder" else "here.zip")
        getattr(dataset, request.param)(path)
        return cli("verify", str(path), *arguments, api=None)

    return run


# ------------------------------------------------------------------ as it was made


def test_a_dataset_as_it_was_made_is_verified(verify, dataset):
    """Untouched, a dataset is verified, and its root is told."""
    said = verify(dataset)
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("birds, version 1: verified, 4 images (")
    assert f"root {dataset.manifest['receipts']['root']}" in said.out
    assert "--root" in said.err


def test_what_has_no_receipt_is_not_vouched_for(verify, dataset):
    """Labels and texts are beyond the receipts, and nobody is told otherwise."""
    dataset.files["labels/labels.csv"] = b"path,category\n"
    said = verify(dataset)
    assert (said.code, "labels, statistics and texts have no receipts" in said.err) == (0, True)


def test_the_answer_for_programs(verify, dataset):
    """With --json the answer has the root, the counts and no finding."""
    said = verify(dataset, "--json")
    total = sum(len(dataset.files[name]) for name in dataset.images)
    assert (said.code, said.json) == (
        0,
        {
            "verified": True,
            "name": "birds",
            "version": 1,
            "root": dataset.manifest["receipts"]["root"],
            "receipts": 4,
            "images": 4,
            "bytes": total,
            "findings": [],
            "findings_total": 0,
        },
    )


def test_a_root_from_elsewhere(verify, dataset):
    """The root that a person knows from elsewhere is compared, in upper case too."""
    root = dataset.manifest["receipts"]["root"]
    assert verify(dataset, "--root", root.upper()).code == 0


def test_another_root(verify, dataset):
    """A dataset whose receipts and manifest were made anew is not the one of the known root."""
    root = dataset.manifest["receipts"]["root"]
    dataset.receipt(0, query="another")
    dataset.sealed()
    assert verify(dataset).code == 0
    said = verify(dataset, "--root", root)
    assert said.code == 1
    assert f"--root is {root}" in said.out


@pytest.mark.parametrize("root", ["", "abc", "g" * 64, "0" * 63, " 0x" + "0" * 62])
def test_a_root_that_is_none(verify, dataset, root):
    """What cannot be a root is a mistake."""
    said = verify(dataset, "--root", root)
    assert (said.code, "64 hexadecimal digits" in said.err) == (2, True)


@pytest.mark.parametrize(
    "place",
    [
        *("id", "category", "keyword", "source_url", "final_url", "facts.sha256", "facts.bytes"),
        # No receipt says when a picture was published.
        *(f"provenance.{name}" for name in Provenance.model_fields if name != "published"),
    ],
)
def test_the_manifest_says_nothing_else(cli, dataset, tmp_path, place):
    """What both say of an image: a manifest that says something else is found out."""
    manifest = dataset.manifest
    *folders, name = place.split(".")
    entry = manifest["images"][0]
    for folder in folders:
        entry = entry[folder]
    entry[name] = "something else"
    dataset.manifest = manifest
    said = cli("verify", str(dataset.folder(tmp_path / "here")), "--json", api=None)
    assert [one["code"] for one in said.json["findings"]] == ["manifest_differs"]


def test_what_desktops_leave_is_no_image(cli, dataset, tmp_path):
    """A file that looking at a folder has left there spoils nothing, nor does a note."""
    dataset.files["images/birds/.DS_Store"] = b"desktop"
    dataset.files["notes.txt"] = b"mine"
    assert cli("verify", str(dataset.folder(tmp_path / "here")), api=None).code == 0


# ------------------------------------------------------------------ what was changed


def flip_an_image(dataset):
    """Change one bit of a picture."""
    data = bytearray(dataset.files[dataset.images[1]])
    data[700] ^= 1
    dataset.files[dataset.images[1]] = bytes(data)


def lengthen_an_image(dataset):
    """Append to a picture, as some take no notice of."""
    dataset.files[dataset.images[1]] += b"more"


def swap_two_images(dataset):
    """Let two pictures have each other's names."""
    one, other = dataset.images[:2]
    files = dataset.files
    files[one], files[other] = files[other], files[one]


def remove_an_image(dataset):
    """Leave out a picture."""
    del dataset.files[dataset.images[2]]


def add_an_image(dataset):
    """Put in a picture."""
    dataset.files["images/birds/robin/0123456789abcdef.jpg"] = an_image(99)


def change_a_receipt(dataset):
    """Claim a better licence."""
    dataset.receipt(1, license={"source": "api", "code": "cc0"})


def flip_a_receipt(dataset):
    """Change one letter of a receipt in place."""
    dataset.lines = [line.replace(b'"query":"r', b'"query":"s') for line in dataset.lines]


def space_a_receipt(dataset):
    """Write a receipt with a space, which means the same."""
    lines = dataset.lines
    dataset.lines = [lines[0].replace(b":", b": ", 1), *lines[1:]]
    dataset.sealed()


def double_a_key(dataset):
    """Write a field twice: readers differ about which one counts."""
    lines = dataset.lines
    dataset.lines = [lines[0].replace(b"{", b'{"also_found":[1],', 1), *lines[1:]]
    dataset.sealed()


def remove_a_receipt(dataset):
    """Leave out a receipt."""
    dataset.lines = dataset.lines[1:]


def repeat_a_receipt(dataset):
    """Give one picture two receipts."""
    dataset.lines = [*dataset.lines, dataset.lines[-1]]


def swap_two_receipts(dataset):
    """Change the order."""
    dataset.lines = [dataset.lines[1], dataset.lines[0], *dataset.lines[2:]]


def swap_two_receipts_and_seal(dataset):
    """Change the order, and the root with it."""
    swap_two_receipts(dataset)
    dataset.sealed()


def remove_an_image_wholly(dataset):
    """Leave out a picture with its receipt; the manifest's list stays."""
    del dataset.files[dataset.images[0]]
    dataset.lines = dataset.lines[1:]
    dataset.sealed()


def cut_the_end(dataset):
    """Lose the end of the last line."""
    dataset.files[RECEIPTS] = dataset.files[RECEIPTS][:-1]


def edit_the_root(dataset):
    """Name another root."""
    told = {**dataset.manifest["receipts"], "root": "0" * 64}
    dataset.manifest = {**dataset.manifest, "receipts": told}


def edit_the_count(dataset):
    """Name another number."""
    told = {**dataset.manifest["receipts"], "count": 5}
    dataset.manifest = {**dataset.manifest, "receipts": told}


def edit_the_algorithm(dataset):
    """Name a way that nobody knows."""
    told = {**dataset.manifest["receipts"], "algorithm": "trust-me"}
    dataset.manifest = {**dataset.manifest, "receipts": told}


def edit_the_manifests_licence(dataset):
    """Claim a better licence in the manifest alone."""
    manifest = dataset.manifest
    manifest["images"][2]["provenance"]["license"] = "cc0"
    dataset.manifest = manifest


def edit_the_manifests_label(dataset):
    """File a picture under another keyword in the manifest alone."""
    manifest = dataset.manifest
    manifest["images"][2]["keyword"] = "wren"
    dataset.manifest = manifest


def shorten_the_manifest(dataset):
    """Leave an entry out of the manifest."""
    manifest = dataset.manifest
    del manifest["images"][3]
    dataset.manifest = manifest


def lengthen_the_manifest(dataset):
    """Put an entry into the manifest."""
    manifest = dataset.manifest
    manifest["images"].append({**manifest["images"][0], "path": "images/a/b/c.jpg"})
    dataset.manifest = manifest


def break_the_manifest(dataset):
    """Make the manifest something else."""
    dataset.files["manifest.json"] = b'{"receipts": '


def lose_the_receipts(dataset):
    """Leave the receipts out, and the manifest as it is."""
    del dataset.files[RECEIPTS]


def lose_what_the_manifest_says_of_them(dataset):
    """Leave the receipts, and take their root out of the manifest."""
    manifest = dataset.manifest
    del manifest["receipts"]
    dataset.manifest = manifest


def claim_another_place(dataset):
    """Give a receipt to a file that is no image."""
    dataset.receipt(0, path="labels/labels.csv")
    dataset.sealed()


def claim_another_id(dataset):
    """Give an image an id that its content does not have."""
    dataset.receipt(0, id="0" * 16)
    dataset.sealed()


def claim_a_fraction(dataset):
    """Say a number of bytes in a way that readers differ about."""
    dataset.lines = [b'{"bytes":1.0}\n', *dataset.lines[1:]]


def claim_a_truth(dataset):
    """Say that the number of bytes is true, which some readers take for 1."""
    dataset.receipt(0, bytes=True)
    dataset.sealed()


def claim_a_nest(dataset):
    """Put lists in lists where a text is, in the receipt and in the manifest."""
    nest = []
    for _ in range(200):
        nest = [nest]
    dataset.receipt(0, title=nest)
    dataset.sealed()
    manifest = dataset.manifest
    manifest["name"] = manifest["version"] = manifest["images"][0]["provenance"]["title"] = nest
    dataset.manifest = manifest


def claim_another_age(dataset):
    """Be of a later format."""
    dataset.receipt(0, schema_version=2)
    dataset.sealed()


CHANGES = {
    flip_an_image: ["image_changed: its SHA-256 is"],
    lengthen_an_image: ["image_changed: bytes, and its receipt says"],
    swap_two_images: ["image_changed: ", "image_changed: "],
    remove_an_image: ["image_missing: is not here"],
    add_an_image: ["receipt_missing: is here without a receipt"],
    change_a_receipt: ["root_differs: one was changed", "manifest_differs: license.code"],
    flip_a_receipt: ["root_differs: one was changed"],
    space_a_receipt: ["not_canonical: the one right way"],
    double_a_key: ["not_canonical: the one right way"],
    remove_a_receipt: [
        "count_differs: counts 4 receipts, and there are 3",
        "root_differs: ",
        "receipt_missing: is in manifest.json without",
        "receipt_missing: is here without a receipt",
    ],
    repeat_a_receipt: ["receipt_twice: ", "count_differs: ", "root_differs: "],
    swap_two_receipts: ["out_of_order: lines are in order of paths", "root_differs: "],
    swap_two_receipts_and_seal: ["out_of_order: "],
    remove_an_image_wholly: ["receipt_missing: is in manifest.json without a receipt"],
    cut_the_end: ["not_canonical: "],
    edit_the_root: [f"root_differs: names the root {'0' * 64}"],
    edit_the_count: ["count_differs: counts 5 receipts, and there are 4"],
    edit_the_algorithm: ["manifest_differs: does not name receipts.jsonl, rfc9162-sha256"],
    edit_the_manifests_licence: ["manifest_differs: the receipt's license.code"],
    edit_the_manifests_label: ["manifest_differs: the receipt's keyword"],
    shorten_the_manifest: ["manifest_differs: is not in manifest.json"],
    lengthen_the_manifest: ["receipt_missing: is in manifest.json without a receipt"],
    break_the_manifest: ["damaged: cannot be read"],
    lose_the_receipts: ["damaged: it is not here"],
    lose_what_the_manifest_says_of_them: ["manifest_differs: does not name receipts.jsonl"],
    claim_another_place: ["receipt_wrong: its path is not below images/: labels/labels.csv"],
    claim_another_id: ["receipt_wrong: not the beginning of its SHA-256"],
    claim_a_fraction: ["not_canonical: 1.0 is no whole number"],
    claim_a_truth: ["receipt_wrong: has no number of bytes"],
    claim_a_nest: ["receipt_wrong: has no single value at title"],
    claim_another_age: ["receipt_wrong: is of schema_version 2, and only 1 is known"],
}
EXACT = {flip_an_image, space_a_receipt, double_a_key, flip_a_receipt, change_a_receipt}
"""Changes of one thing that lead to no other finding."""


@pytest.mark.parametrize(
    ("change", "expected"), CHANGES.items(), ids=[change.__name__ for change in CHANGES]
)
def test_every_change_is_found(verify, dataset, change, expected):
    """A dataset that was changed is not verified, and what is wrong is said in these words."""
    change(dataset)
    said = verify(dataset, "--json")
    assert (said.code, said.json["verified"]) == (1, False)
    left = [(one["code"], one["message"]) for one in said.json["findings"]]
    for code, words in (one.split(": ", 1) for one in expected):
        found = next((one for one in left if one[0] == code and words in one[1]), None)
        assert found, (code, words, left)
        left.remove(found)
    assert left == [] or change not in EXACT


def test_findings_say_where(verify, dataset):
    """Each finding names the image, or the file and its line."""
    flip_an_image(dataset)
    swap_two_receipts(dataset)
    said = verify(dataset)
    assert said.code == 1
    told = {line.split(": ")[0] for line in said.out.splitlines()}
    assert {dataset.images[1], "receipts.jsonl line 2", "manifest.json"} <= told
    assert said.out.splitlines()[-1] == "birds, version 1: NOT verified, 3 findings"


def test_many_findings_are_counted(verify, dataset):
    """The first 20 findings are shown, and all are counted."""
    for number in range(30):
        dataset.files[f"images/more/{number:02d}.jpg"] = b"x"
    said = verify(dataset, "--json")
    assert (len(said.json["findings"]), said.json["findings_total"]) == (20, 30)
    assert "... and 10 more" in verify(dataset).out


# ------------------------------------------------------------------ mistakes


def test_a_version_from_before_there_were_receipts(verify, dataset):
    """What has no receipts at all cannot be verified: that is told, and is no success."""
    lose_the_receipts(dataset)
    lose_what_the_manifest_says_of_them(dataset)
    said = verify(dataset)
    assert (said.code, "before there were any" in said.err) == (2, True)


def test_a_folder_that_is_no_version(cli, tmp_path):
    """A folder of something else is told as such."""
    said = cli("verify", str(tmp_path), api=None)
    assert (said.code, "there is no manifest.json in it" in said.err) == (2, True)


@pytest.mark.parametrize("name", ["./nowhere", "nowhere.zip", "nowhere", "a" * 5000, "nul\0"])
def test_a_place_that_is_not_there(cli, tmp_path, name):
    """What is nowhere is a mistake, and no stack is started to look for it."""
    said = cli("verify", name, "--state", str(tmp_path / "none"), api=None)
    assert (said.code, "there is no folder or file" in said.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_version_number_is_for_the_api(cli, dataset, tmp_path):
    """A folder has no other versions."""
    said = cli("verify", str(dataset.folder(tmp_path / "here")), "--version", "2", api=None)
    assert (said.code, "--version is for datasets at the API" in said.err) == (2, True)


# ------------------------------------------------------------------ at the API


@pytest.mark.parametrize("name", ["birds", DATASET_ID])
def test_a_dataset_at_the_api(cli, server, dataset, tmp_path, monkeypatch, name):
    """By name or id the archive is fetched, verified and left nowhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server.will.archive = dataset.zip(tmp_path / "made.zip").read_bytes()
    (tmp_path / "made.zip").unlink()
    said = cli("verify", name, "--json")
    assert (said.code, said.json["images"]) == (0, 4)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_dataset_at_the_api(cli, server, dataset, tmp_path):
    """A change in the store's archive is found, too."""
    flip_an_image(dataset)
    server.will.archive = dataset.zip(tmp_path / "made.zip").read_bytes()
    assert cli("verify", "birds", "--version", "1").code == 1
    assert cli("verify", "birds", "--version", "7").code == 2


# ------------------------------------------------------------------ hostile ones


def test_a_damaged_zip(cli, dataset, tmp_path):
    """A bit that flipped inside an archive is found, and the other images are looked at."""
    path = dataset.zip(tmp_path / "here.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.index(dataset.files[dataset.images[0]])
    data[place + 500] ^= 1
    path.write_bytes(data)
    said = cli("verify", str(path), "--json", api=None)
    assert (said.code, said.json["images"], said.json["findings_total"]) == (1, 3, 1)
    assert said.json["findings"][0]["where"] == dataset.images[0]


@pytest.mark.parametrize("cut", [0, 100, -1, -30])
def test_half_a_zip(cli, dataset, tmp_path, cut):
    """A file that is no whole ZIP is not verified, without a traceback."""
    path = dataset.zip(tmp_path / "here.zip")
    path.write_bytes(path.read_bytes()[:cut])
    said = cli("verify", str(path), "--json", api=None)
    assert (said.code, said.json["error"]["code"]) == (1, "bad_archive")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../images/evil.jpg", "is not a plain relative path"),
        ("/images/evil.jpg", "is not a plain relative path"),
        ("images/a\x01b.jpg", "has control characters in its name"),
        ("README.TXT", "is there twice"),
    ],
    ids=["above", "absolute", "control", "twice"],
)
def test_a_zip_with_strange_names(cli, dataset, tmp_path, name, words):
    """Members with names that lead elsewhere, or are there twice, are refused."""
    dataset.files[name] = b"1"
    said = cli("verify", str(dataset.zip(tmp_path / "here.zip")), api=None)
    assert (said.code, words in said.err) == (1, True)


def test_a_zip_packed_in_other_ways(cli, dataset, tmp_path):
    """Ways of packing that may unfold without bound are not unfolded."""
    path = dataset.zip(tmp_path / "here.zip", zipfile.ZIP_LZMA)
    said = cli("verify", str(path), "--json", api=None)
    assert said.code == 1
    assert "packed in a way" in said.json["findings"][0]["message"]


def test_links_are_not_followed(cli, dataset, tmp_path):
    """A link in the place of an image, or of a folder, is a finding: what it leads to is not."""
    folder = dataset.folder(tmp_path / "here")
    (tmp_path / "elsewhere.jpg").write_bytes(dataset.files[dataset.images[0]])
    (folder / dataset.images[0]).unlink()
    (folder / dataset.images[0]).symlink_to(tmp_path / "elsewhere.jpg")
    (folder / "images/more").symlink_to(folder / "images", target_is_directory=True)
    said = cli("verify", str(folder), "--json", api=None)
    told = {(one["code"], one["where"]) for one in said.json["findings"]}
    assert told == {
        ("odd_file", dataset.images[0]),
        ("odd_file", "images/more"),
        ("image_missing", dataset.images[0]),
    }


def test_a_link_that_comes_later_is_not_followed_either(dataset, tmp_path):
    """What takes a file's place after it was listed is not opened."""
    folder = dataset.folder(tmp_path / "here")
    (tmp_path / "elsewhere").write_bytes(b"secret")
    with holding.opened(folder) as held:
        (folder / RECEIPTS).unlink()
        (folder / RECEIPTS).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(holding.Damaged):
            list(held.pieces(RECEIPTS))


def test_a_pipe_does_not_hold_it_up(cli, dataset, tmp_path):
    """Where a pipe is in the place of a file, nothing is waited for."""
    folder = dataset.folder(tmp_path / "here")
    for name in (dataset.images[0], RECEIPTS):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    said = cli("verify", str(folder), "--json", api=None)
    assert said.code == 1
    odd = {one["where"]: one["message"] for one in said.json["findings"]}
    assert odd[dataset.images[0]] == "is no plain file: it was not opened"


def test_a_file_that_may_not_be_read(cli, dataset, tmp_path):
    """What cannot be opened is told with its reason."""
    folder = dataset.folder(tmp_path / "here")
    (folder / dataset.images[0]).chmod(0)
    if os.access(folder / dataset.images[0], os.R_OK):
        pytest.skip("this user may read everything")
    said = cli("verify", str(folder), api=None)
    assert (said.code, "Permission denied" in said.out) == (1, True)


def test_a_file_that_grows_is_read_no_further(tmp_path):
    """Of a file that grows while it is read, one byte more than was seen is enough."""
    (tmp_path / "a").write_bytes(b"x" * 10)
    with holding.opened(tmp_path) as held:
        (tmp_path / "a").write_bytes(b"x" * 5_000_000)
        assert sum(map(len, held.pieces("a"))) == 11


def test_names_do_not_steer_the_terminal(cli, dataset, tmp_path):
    """Names out of a dataset are printed on their line, without what would steer a terminal."""
    folder = dataset.folder(tmp_path / "here")
    (folder / "images/a\nverified \x1b[2J\u202e.jpg").write_bytes(b"x")
    (folder / os.fsdecode(b"images/\xff.jpg")).write_bytes(b"x")
    manifest = dataset.manifest
    manifest["name"] = "birds\n\x1b[2J: verified" + "x" * 5000
    (folder / "manifest.json").write_text(json.dumps(manifest))
    said = cli("verify", str(folder), api=None)
    assert (said.code, len(said.out.splitlines())) == (1, 3)
    assert not {"\x1b", "\u202e", "\udcff"} & set(said.out)
    assert len(said.out) < 1000
    assert cli("verify", str(folder), "--json", api=None).json["findings_total"] == 2


HOSTILE_LINES = {
    "nested": b"[" * 200_000,
    "endless-number": b'{"bytes":' + b"9" * 10_000 + b"}",
    "not-text": b"\xff\xfe{}",
    "half-a-pair": b'{"path":"images/\\ud800"}',
    "no-object": b"[]",
    "null-path": b'{"path":null}',
    "true-bytes": b'{"bytes":true,"path":"images/a","schema_version":1}',
    "nothing": b"",
}


@pytest.mark.parametrize("line", HOSTILE_LINES.values(), ids=HOSTILE_LINES)
@pytest.mark.parametrize("name", [RECEIPTS, "manifest.json"])
def test_hostile_texts(verify, dataset, name, line):
    """Whatever stands in the receipts or the manifest, it is a finding and no traceback."""
    dataset.files[name] = line + b"\n" + (b"".join(dataset.lines) if name == RECEIPTS else b"")
    said = verify(dataset, "--json")
    assert (said.code, said.json["verified"]) == (1, False)
    assert said.json["findings_total"] >= 1


def test_a_line_without_end(verify, dataset, monkeypatch):
    """A line beyond all measure is not held."""
    monkeypatch.setattr(holding, "_LINE_MAX_BYTES", 100_000)
    dataset.files[RECEIPTS] = b'"' + b"x" * 3_000_000
    said = verify(dataset, "--json")
    assert (said.code, "of more than 100,000 bytes" in said.out) == (1, True)


def test_a_folder_of_too_many_files(cli, dataset, tmp_path, monkeypatch):
    """More files than any dataset has are not looked through."""
    monkeypatch.setattr(holding, "_MAX_FILES", 5)
    said = cli("verify", str(dataset.folder(tmp_path / "here")), api=None)
    assert (said.code, "no dataset does" in said.err) == (1, True)


def test_a_link_that_a_zip_holds(cli, dataset, tmp_path):
    """An archive that holds a link is refused."""
    path = dataset.zip(tmp_path / "here.zip")
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("images/link.jpg")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    said = cli("verify", str(path), api=None)
    assert (said.code, "is not a plain file" in said.err) == (1, True)
