"""The archive's first page: what is inside, how to load it, and what may be done with it."""

from __future__ import annotations

from pixcrawler.domain.dataset import Manifest
from pixcrawler.pipeline.papers.labels import class_names

_PAGE = """{name}, version {version}
Images: {images}, in categories: {classes}.

images/<category>/<keyword>/<id>.<ext>  the files as they were found; the id is of their content
labels/labels.csv, .json, .txt, .yaml   path, category and label number of every image
manifest.json                           source, size, hashes, licence and author of every image
statistics.json                         counts
metadata/processing_log.txt             what was asked, and why each other candidate is not here
{receipt_files}
To load it in Python, unpacked:
    import csv
    from PIL import Image
    rows = list(csv.DictReader(open("labels/labels.csv", encoding="utf-8")))
    pictures = [Image.open(row["path"]).convert("RGB") for row in rows]
    labels = [int(row["label"]) for row in rows]
Take the labels from there, not from the folders: some loaders read folders named train or test
as splits. torchvision's ImageFolder("images") numbers the categories in the same way. In the CSV
a text that a spreadsheet would run as a formula begins with an apostrophe.

Licences: the images belong to their authors. Each licence, as the source stated it, is in
manifest.json under provenance; many ask for attribution, some forbid changes or commercial use,
and where none is given none is granted. Nobody checked them for your purpose. In this archive:
{licenses}
{receipts}"""

_FILES = """receipts.jsonl                          how each image was found and got, with evidence
metadata/hosts.csv                      the load put on each host
"""

_RECEIPTS = """
Receipts: receipts.jsonl has one line for each image, in the order of their paths: page and
address, redirects, time, headers, hash, what the site and the file say about machine use, and
what the licence rests on. The lines are canonical JSON (RFC 8785) and the leaves of a Merkle tree
(RFC 9162, section 2.1, SHA-256) with this root, which is in manifest.json, too:
    {root}
To check, on this folder or the ZIP, that no image and no receipt was changed, added, left out or
moved (labels, statistics and texts have no receipts):
    pixcrawler verify FOLDER
Whoever gave you this archive may change it together with its root: compare the root with one that
you have from elsewhere (--root).
"""


def readme(manifest: Manifest) -> str:
    """Return the text of README.txt."""
    counts, receipts = manifest.statistics.by_license, manifest.receipts
    return _PAGE.format(
        name=manifest.name,
        version=manifest.version,
        images=len(manifest.images),
        classes=len(class_names(manifest.images)),
        licenses="\n".join(f"{count:>7}  {name}" for name, count in counts.items()),
        receipt_files=_FILES if receipts else "",
        receipts=_RECEIPTS.format(root=receipts.root) if receipts else "",
    )
