"""Verifies a dataset version: every image by its receipt, and the receipts by their root."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixcrawler.cli.archive import Wanted, chosen_version, fetch_archive
from pixcrawler.cli.connection import connected
from pixcrawler.cli.errors import FAILED, OK, Mistake
from pixcrawler.cli.holding import Damaged, Holding, lines_of, opened, read_whole
from pixcrawler.cli.receipts import (
    ALGORITHM,
    RECEIPTS,
    Findings,
    Told,
    canonical,
    differing,
    faults_of,
    leaf_hash,
    merkle_root,
    parsed,
    plain,
    told_in,
    value_at,
)
from pixcrawler.cli.talk import Talk, plural, size
from pixcrawler.cli.view import bytes_view

_MANIFEST = "manifest.json"
_IMAGES = "images/"
_MANIFEST_MAX_BYTES = 256 * 1024 * 1024
"""Of some 150,000 images: it is read whole."""
_MAX_RECEIPTS = 200_000


def verify(options: argparse.Namespace, talk: Talk) -> int:
    """Say whether a dataset version is what its receipts say, and the receipts what they were."""
    root = _root(options.root)
    with _place(options, talk) as path, opened(path) as holding:
        total = sum(count for name, count in holding.files.items() if name.startswith(_IMAGES))
        with bytes_view(talk, f"verifying {plain(options.dataset)}", total) as show:
            proof = prove(holding, root, show)
    _tell(proof, talk, is_compared=root is not None)
    talk.json(proof.as_json())
    return FAILED if proof.findings.total else OK


def _root(text: str | None) -> str | None:
    if text is None:
        return None
    root = text.strip().lower()
    with contextlib.suppress(ValueError):
        if len(root) == hashlib.sha256().digest_size * 2 and bytes.fromhex(root):
            return root
    raise Mistake(f"--root {plain(text)}: a root has 64 hexadecimal digits")


@contextlib.contextmanager
def _place(options: argparse.Namespace, talk: Talk) -> Iterator[Path]:
    """Give what is verified as a path; a dataset at the API is fetched for as long as it takes."""
    name = options.dataset
    if _is_here(name):
        if options.version:
            raise Mistake(f"--version is for datasets at the API, and {plain(name)} is here")
        yield Path(name)
        return
    # Where no local stack ever ran, none is started to find out that it has no datasets.
    is_nowhere = not options.api and not (options.state / "postgres").exists()
    if is_nowhere or name.endswith(".zip") or "/" in name:
        raise Mistake(f"there is no folder or file {plain(name)}")
    with tempfile.TemporaryDirectory() as folder, connected(options, talk) as connection:
        dataset, number = chosen_version(connection.api, name, options.version)
        wanted = Wanted(dataset["id"], number, dataset["name"], Path(folder))
        yield fetch_archive(connection.api, wanted, talk, connection.patience)


def _is_here(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # no file can have such a name
        return False


@dataclass
class Proof:
    """What was looked at, and what is wrong with it."""

    name: str = ""
    version: Any = None
    root: str = ""
    """Of the receipts as they are."""
    receipts: int = 0
    images: int = 0
    bytes: int = 0
    findings: Findings = field(default_factory=Findings)

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return {
            "verified": not self.findings.total,
            "name": self.name,
            "version": self.version,
            "root": self.root,
            "receipts": self.receipts,
            "images": self.images,
            "bytes": self.bytes,
            "findings": [one.as_json() for one in self.findings.first],
            "findings_total": self.findings.total,
        }


def prove(holding: Holding, root: str | None, show: Callable[[int], None]) -> Proof:
    """Check everything; ``show`` is told the bytes of images that were read.

    Raises:
        Mistake: it is no dataset version, or one from before there were receipts.
    """
    proof = Proof()
    manifest = _manifest(holding, proof.findings)
    version = value_at(manifest, "version")
    proof.name = plain(value_at(manifest, "name") or "")
    proof.version = version if isinstance(version, int) else None
    receipts = _read_receipts(holding, proof)
    _compare_roots(manifest, proof, root)
    _compare_lists(manifest, receipts, proof.findings)
    _check_images(holding, receipts, proof, show)
    return proof


def _manifest(holding: Holding, findings: Findings) -> Any:
    if _MANIFEST not in holding.files:
        raise Mistake(f"there is no {_MANIFEST} in it: a folder or ZIP of one version is needed")
    try:
        manifest = json.loads(read_whole(holding, _MANIFEST, _MANIFEST_MAX_BYTES))
    except (Damaged, ValueError, RecursionError) as error:
        findings.add("damaged", _MANIFEST, f"cannot be read: {plain(str(error))}")
        return None
    if value_at(manifest, "receipts") is None and RECEIPTS not in holding.files:
        raise Mistake("it has no receipts: it was made before there were any")
    return manifest


def _read_receipts(holding: Holding, proof: Proof) -> dict[str, Told]:
    """Return what is needed of each receipt, by path, once each line was looked at."""
    receipts: dict[str, Told] = {}
    leaves: list[bytes] = []
    before = ""
    try:
        for line in lines_of(holding, RECEIPTS, _MAX_RECEIPTS):
            where = f"{RECEIPTS} line {len(leaves) + 1}"
            leaves.append(leaf_hash(line.removesuffix(b"\n")))
            receipt = _receipt(line, where, proof.findings)
            path = value_at(receipt, "path")
            if receipt is None:
                continue
            if path in receipts:
                proof.findings.add("receipt_twice", where, f"{plain(path)} has a receipt already")
            elif path < before:
                told = f"{plain(path)} comes after {plain(before)}: lines are in order of paths"
                proof.findings.add("out_of_order", where, told)
            receipts[path], before = told_in(receipt), path
    except Damaged as error:
        proof.findings.add("damaged", RECEIPTS, f"cannot be read: {error}")
    proof.receipts, proof.root = len(leaves), merkle_root(leaves)
    return receipts


def _receipt(line: bytes, where: str, findings: Findings) -> Any:
    """Return what a line says, or None when it is nothing that can be gone by."""
    try:
        receipt = parsed(line)
        is_canonical = canonical(receipt) + b"\n" == line
    except (ValueError, RecursionError) as error:
        findings.add("not_canonical", where, f"is no receipt: {plain(str(error))}")
        return None
    if not is_canonical:
        findings.add("not_canonical", where, "is not written in the one right way (RFC 8785)")
    faults = faults_of(receipt)
    for fault in faults:
        findings.add("receipt_wrong", where, fault)
    return None if faults else receipt


def _compare_roots(manifest: Any, proof: Proof, root: str | None) -> None:
    findings = proof.findings
    told = value_at(manifest, "receipts")
    if manifest is not None:
        if value_at(told, "algorithm") != ALGORITHM or value_at(told, "file") != RECEIPTS:
            findings.add("manifest_differs", _MANIFEST, f"does not name {RECEIPTS}, {ALGORITHM}")
        count = value_at(told, "count")
        if count != proof.receipts:
            message = f"counts {plain(count)} receipts, and there are {proof.receipts}"
            findings.add("count_differs", _MANIFEST, message)
        if value_at(told, "root") != proof.root:
            message = (
                f"names the root {plain(value_at(told, 'root'))}, and the receipts come to "
                f"{proof.root}: one was changed, added, left out or moved, or the root was"
            )
            findings.add("root_differs", _MANIFEST, message)
    if root not in (None, proof.root):
        message = f"the receipts come to {proof.root}, and --root is {root}"
        findings.add("root_differs", RECEIPTS, message)


def _compare_lists(manifest: Any, receipts: Mapping[str, Told], findings: Findings) -> None:
    """The manifest lists every image, too: both must say the same of each."""
    if manifest is None:
        return
    listed = value_at(manifest, "images")
    left = dict.fromkeys(receipts)
    for image in listed if isinstance(listed, list) else ():
        path = value_at(image, "path")
        receipt = receipts.get(path) if isinstance(path, str) else None
        if receipt is None:
            findings.add("receipt_missing", plain(path), f"is in {_MANIFEST} without a receipt")
            continue
        left.pop(path, None)
        for place in differing(receipt, image):
            told = f"the receipt's {place} is not what {_MANIFEST} says"
            findings.add("manifest_differs", path, told)
    for path in left:
        findings.add("manifest_differs", path, f"has a receipt, and is not in {_MANIFEST}")


def _check_images(
    holding: Holding, receipts: Mapping[str, Told], proof: Proof, show: Callable[[int], None]
) -> None:
    for name, kind in holding.odd.items():
        if name.startswith(_IMAGES):
            proof.findings.add("odd_file", name, f"is {kind}: it was not opened")
    for name in holding.files:
        if not name.startswith(_IMAGES):
            continue
        if name not in receipts:
            proof.findings.add("receipt_missing", name, "is here without a receipt")
            continue
        _check_image(holding, name, receipts[name], proof)
        show(proof.bytes)
    for name in receipts:
        if name not in holding.files:
            proof.findings.add("image_missing", name, "has a receipt, and is not here")


def _check_image(holding: Holding, name: str, told: Told, proof: Proof) -> None:
    digest, count = hashlib.sha256(), 0
    try:
        for piece in holding.pieces(name):
            digest.update(piece)
            count += len(piece)
    except Damaged as error:
        proof.findings.add("image_changed", name, f"cannot be read: {error}")
        return
    proof.images += 1
    proof.bytes += count
    said_bytes, said_sha256 = told["bytes",], told["sha256",]
    if count != said_bytes:
        message = f"has {count:,} bytes, and its receipt says {said_bytes:,}"
        proof.findings.add("image_changed", name, message)
    elif digest.hexdigest() != said_sha256:
        message = f"its SHA-256 is {digest.hexdigest()}, and its receipt says {said_sha256}"
        proof.findings.add("image_changed", name, message)


def _tell(proof: Proof, talk: Talk, *, is_compared: bool) -> None:
    for finding in proof.findings.first:
        talk.line(f"{finding.where}: {finding.message}")
    more = proof.findings.total - len(proof.findings.first)
    if more:
        talk.line(f"... and {more:,} more")
    shown = f"{proof.name}, version {proof.version}" if proof.name else "the dataset"
    if proof.findings.total:
        talk.line(f"{shown}: NOT verified, {plural(proof.findings.total, 'finding')}")
        return
    talk.line(
        f"{shown}: verified, {plural(proof.images, 'image')} ({size(proof.bytes)}), "
        "each as its receipt says"
    )
    talk.line(f"root {proof.root}" + (", which is the one you gave" if is_compared else ""))
    talk.note("labels, statistics and texts have no receipts: they were not looked at")
    if not is_compared:
        talk.note("a root that you have from elsewhere can be compared: --root HEX")
