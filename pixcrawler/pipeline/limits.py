"""Every number of the pipeline, with its unit and reason."""

from __future__ import annotations

CHUNK_IMAGES = 32
"""Candidates a chunk: DESIGN asks for 25 to 50 images an activity."""

GROUP_CHUNKS = 10
"""Chunks a sub-orchestration: small, so that one slow site holds up the validation of few chunks
only; 20 activities are far below the 100 that an orchestrator should have."""

GROUPS_AT_ONCE = 8
"""Sub-orchestrations of a job in one wave: 2,560 candidates, enough for ten instances of eight
activities, and few enough that images are kept from the first minute on."""

MAX_ROUNDS = 20
"""Rounds a job: each asks the engines for more; a job that needs more will not get there."""

TROUBLE_WAIT_S = 5.0
"""Before an engine in trouble is asked again, when there is nothing else to do: the single call
was repeated three times within seconds already."""

TROUBLE_WAIT_MAX_S = 60.0
"""Longest that an engine's own wish for a pause holds a job up."""

OVERSAMPLE = 1.5
"""Candidates asked for each kept image still wanted: about a third is lost on the real web."""

MIN_ROUND_CANDIDATES = 64
"""A round is worth its overhead only from two chunks on."""

IMAGE_MAX_BYTES = 25 * 1024 * 1024
"""Largest body: covers a 24-megapixel JPEG of high quality several times."""

IMAGE_MAX_PIXELS = 60_000_000
"""Largest width x height decoded: 180 MB as RGB. Pillow alone raises only at 179 million."""

DECODING_MAX_PIXELS = IMAGE_MAX_PIXELS
"""Decoded at once in one process: 0.9 GB at worst (WebP), 0.4 GB for a PNG."""

SHARD_MAX_BYTES = 512 * 1024 * 1024
"""Largest shard: what a chunk may take on scratch disk."""

STEP_PAUSES_S = (60, 120, 240, 480, 900)
"""Between the tries of a step whose trouble may heal: half an hour in all, without holding a
worker; each try is repeated within its activity as well."""

SPEC_MAX_BYTES = 1024 * 1024
"""Largest job file: 10,000 addresses of 100 characters."""

LINK_MAX_S = 7 * 24 * 3600
"""Longest life of a download link: what Azure allows for user delegation."""

ARCHIVE_POLL_S = 20
"""Seconds between looks for the archive while a version is being packaged."""

ARCHIVE_PATIENCE_S = 3600
"""Seconds after which a job stops waiting: 50 MB/s package 180 GB in an hour."""

REPACKAGE_POLLS = 15
"""Looks after which packaging is asked for again: a trigger may have been lost."""

UPLOAD_MAX_BYTES = 2 * 1024**3
"""Largest list or archive that a user may send."""

UPLOAD_LINK_S = 2 * 3600
"""Life of the link that an upload is written with: 2 GB take that long at 2.4 Mbit/s."""

UPLOAD_KEPT_DAYS = 7
"""After this an upload is not taken for new jobs."""

UPLOAD_SWEPT_DAYS = 9
"""After this it is removed: no job runs for two days."""

ARCHIVE_MAX_MEMBERS = 100_000
"""Looked at in one uploaded archive: ten times what a job may keep."""

ARCHIVE_MAX_BYTES = 20 * 1024**3
"""Of an uploaded archive's members together, unpacked: zip bombs end here."""

LIST_MAX_BYTES = 64 * 1024 * 1024
"""Largest uploaded list of addresses: it is read whole."""

LIST_MAX_ROWS = 100_000
"""Taken from one uploaded list: ten times what a job may keep."""
