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
"""


def readme(manifest: Manifest) -> str:
    """Return the text of README.txt."""
    counts = manifest.statistics.by_license
    return _PAGE.format(
        name=manifest.name,
        version=manifest.version,
        images=len(manifest.images),
        classes=len(class_names(manifest.images)),
        licenses="\n".join(f"{count:>7}  {name}" for name, count in counts.items()),
    )
