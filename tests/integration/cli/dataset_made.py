"""A dataset as the app makes it, to be changed and then verified."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

from pixcrawler.adapters.memory.blobs import MemoryBlobs
from pixcrawler.adapters.memory.datasets import MemoryDatasets
from pixcrawler.adapters.memory.jobs import MemoryJobs
from pixcrawler.adapters.memory.placeholders import MemoryPlaceholders
from pixcrawler.domain.source import Provenance
from pixcrawler.pipeline.assemble import assemble
from pixcrawler.pipeline.deduplicate import deduplicate
from pixcrawler.pipeline.package import package
from pixcrawler.pipeline.papers.receipts import MerkleTree, canonical
from pixcrawler.pipeline.payloads import Rounds
from pixcrawler.pipeline.validate import validate
from tests.factories import a_candidate, a_job, an_image, put_downloads

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RECEIPTS = "receipts.jsonl"


def made_files() -> dict[str, bytes]:
    """Return the files of an archive with four images, as the app makes it."""
    blobs, datasets, books = MemoryBlobs(), MemoryDatasets(), MemoryPlaceholders()
    jobs = MemoryJobs(datasets, lambda: NOW)
    jobs.add(a_job(name="birds"))
    jobs.add_chunks("job-1", 0, [4])
    titled = Provenance(engine="commons", title="Zaunkönig 🐦 \u2028", license="by")
    words = ["birds", "birds", "birds", "Käfer & Co"]
    found = [
        (a_candidate(n, provenance=titled, category=word), an_image(n))
        for n, word in enumerate(words)
    ]
    put_downloads(blobs, "job-1", 0, 0, found)
    rounds = Rounds(job_id="job-1", chunks=(1,))
    for ref in rounds.refs():
        validate(ref, jobs=jobs, blobs=blobs, placeholders=books)
    deduplicate(rounds, jobs=jobs, blobs=blobs, placeholders=books)
    assemble(rounds, jobs=jobs, datasets=datasets, blobs=blobs, clock=lambda: NOW)
    archive = zipfile.ZipFile(io.BytesIO(blobs.get(package("data-1", 1, blobs=blobs).blob)))
    return {name: archive.read(name) for name in archive.namelist()}


class Dataset:
    """The files of a dataset, to be changed and then written."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)

    @property
    def images(self) -> list[str]:
        """Paths of the images."""
        return sorted(name for name in self.files if name.startswith("images/"))

    @property
    def lines(self) -> list[bytes]:
        """Lines of the receipts."""
        return self.files[RECEIPTS].splitlines(keepends=True)

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        self.files[RECEIPTS] = b"".join(lines)

    @property
    def manifest(self):
        """The manifest."""
        return json.loads(self.files["manifest.json"])

    @manifest.setter
    def manifest(self, manifest) -> None:
        self.files["manifest.json"] = json.dumps(manifest).encode()

    def receipt(self, number, **changes) -> None:
        """Change fields of a receipt, and write it in the right form."""
        lines = self.lines
        changed = {**json.loads(lines[number]), **changes}
        lines[number] = canonical(changed) + b"\n"
        self.lines = lines

    def sealed(self) -> None:
        """Put the root and the count that the receipts come to into the manifest."""
        tree = MerkleTree()
        for line in self.lines:
            tree.add(line.removesuffix(b"\n"))
        told = {**self.manifest["receipts"], "count": tree.leaves, "root": tree.root}
        self.manifest = {**self.manifest, "receipts": told}

    def folder(self, path):
        """Write it as a folder."""
        for name, data in self.files.items():
            place = path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return path

    def zip(self, path, method=zipfile.ZIP_DEFLATED):
        """Write it as a ZIP."""
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in self.files.items():
                archive.writestr(name, data)
        return path
