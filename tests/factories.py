"""Valid values by default; a test names only what matters to it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from pixcrawler.domain.image import ImageFacts
from pixcrawler.domain.job import Job, JobStatus
from pixcrawler.domain.jobfile import parse_job
from pixcrawler.domain.source import Candidate, Provenance
from pixcrawler.domain.storage import outcomes_ref, shard_ref
from pixcrawler.domain.verdict import Outcome, RejectReason, Verdict
from pixcrawler.pipeline.ports import BlobStore


def a_picture(seed: int = 0, width: int = 320, height: int = 240) -> Image.Image:
    """Return soft noise with detail at several scales: seeds give pictures far from each other."""
    chance = np.random.default_rng(seed)
    field = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 48):
        coarse = chance.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        field += np.asarray(layer, dtype=np.float64) / cells**0.5
    field -= field.min()
    return Image.fromarray((field * (255 / field.max())).astype(np.uint8))


def encoded(picture: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def an_image(
    seed: int = 0, width: int = 320, height: int = 240, file_format: str = "JPEG", **options: Any
) -> bytes:
    """Return a file that every default filter accepts."""
    return encoded(a_picture(seed, width, height), file_format, **options)


def with_alpha(picture: Image.Image) -> Image.Image:
    """Return the picture with its right half transparent."""
    shown = picture.convert("RGBA")
    shown.paste((0, 0, 0, 0), (picture.width // 2, 0, picture.width, picture.height))
    return shown


def sixteen_bits(picture: Image.Image) -> Image.Image:
    """Return the brightness with 16 bits a pixel."""
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


def a_candidate(number: int = 0, **changes: Any) -> Candidate:
    """Return the candidate at place ``number`` of a job's list."""
    given: dict[str, Any] = {
        "url": f"https://pictures.example/{number}.jpg",
        "key": hashlib.sha256(f"candidate {number}".encode()).hexdigest()[:32],
        "keyword": "robin",
        "category": "birds",
        "query": "robin",
        "rank": number,
        "provenance": Provenance(engine="openverse", license="by", creator="A. Person"),
    }
    return Candidate(**{**given, **changes})


def some_facts(number: int = 0, **changes: Any) -> ImageFacts:
    """Return facts whose hashes are those of no other ``number``."""
    content = hashlib.sha256(f"image {number}".encode()).hexdigest()
    given: dict[str, Any] = {
        "format": "jpeg",
        "width": 640,
        "height": 480,
        "bytes": 50_000,
        "sha256": content,
        "phash": content[16:32],
    }
    return ImageFacts(**{**given, **changes})


def a_verdict(number: int = 0, facts: ImageFacts | None = None, **candidate: Any) -> Verdict:
    """Return the verdict that candidate ``number`` is a valid image."""
    outcome = Outcome(
        candidate=a_candidate(number, **candidate), name=f"{number:05d}", offset=512, length=1
    )
    return Verdict(outcome=outcome, facts=facts or some_facts(number))


def a_job(job_id: str = "job-1", **spec: Any) -> Job:
    """Return a running job that builds version 1 of dataset ``data-1``."""
    given = {"name": "Garden birds", "categories": {"birds": ["robin", "wren"]}, **spec}
    return Job(
        id=job_id,
        user_id="user-1",
        dataset_id="data-1",
        version=1,
        status=JobStatus.RUNNING,
        spec=parse_job(given),
    )


def put_downloads(
    blobs: BlobStore,
    job_id: str,
    round_no: int,
    chunk: int,
    found: Sequence[tuple[Candidate, bytes | RejectReason]],
) -> None:
    """Write a chunk's shard and outcomes, as downloading leaves them."""
    digest = f"{round_no:08x}{chunk:08x}"
    buffer, outcomes = io.BytesIO(), []
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as shard:
        for index, (candidate, body) in enumerate(found):
            if isinstance(body, RejectReason):
                outcomes.append(Outcome(candidate=candidate, reason=body, detail="as planned"))
                continue
            member = tarfile.TarInfo(f"{index:05d}")
            member.size = len(body)
            offset = buffer.tell() + tarfile.BLOCKSIZE
            shard.addfile(member, io.BytesIO(body))
            outcomes.append(
                Outcome(
                    candidate=candidate,
                    shard=digest,
                    name=member.name,
                    offset=offset,
                    length=len(body),
                    final_url=candidate.url,
                    status=200,
                )
            )
    blobs.put(shard_ref(job_id, round_no, chunk, digest), buffer.getvalue())
    lines = "".join(f"{outcome.model_dump_json()}\n" for outcome in outcomes)
    blobs.put(outcomes_ref(job_id, round_no, chunk), lines.encode())
