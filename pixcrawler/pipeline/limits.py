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

RETRY_ROUND = 1
"""Of a retry, in which what failed is fetched again; round 0 is what it has already."""

TROUBLE_WAIT_S = 5.0
"""Before an engine in trouble is asked again, when there is nothing else to do: the single call
was repeated three times within seconds already."""

TROUBLE_WAIT_MAX_S = 200.0
"""Longest that an engine's pause holds a job up, when no other engine has more: the 180 s that an
engine is left alone after it asked us to slow down. Whatever is longer ends the search."""

RELIEF_WAIT_S = 60.0
"""Pause of an engine after which another one of the same index goes on instead."""

MAX_TROUBLES = 2
"""Rounds in a row that an engine may end in trouble before the job goes on without it."""

ESTIMATES_PER_HOUR = 30
"""Of one user: each asks every engine for up to three pages, out of quotas that all jobs share."""

MAX_ROUND_REQUESTS = 120
"""To one engine in one round, so that a round ends within minutes: at twenty a minute, in six."""

ROUND_PATIENCE_S = 420.0
"""After which a round asks nobody anything more: engines that are in demand let us wait 20 seconds
for each request, one page may take 64 of them, which is 21 minutes, and an activity is ended after
half an hour."""

MAX_DRY_PAGES = 3
"""Answers in a row without anything new after which a query is left."""

MAX_SIFTED_PAGES = 10
"""Answers in a row of which sifting leaves nothing: of 200 pictures, not one has such a licence."""

SATURATION_PAGES = 3
"""Last answers of a query that its marginal share of new pictures is taken from, at least; with
fewer, one page that two engines share would end it."""

SATURATION_FINDS = 100
"""Finds that it is taken from, at least: of fewer, a share of one in twenty says nothing."""

SATURATION_SHARE = 0.05
"""Of the last finds must be new, or the query is left: at one in twenty, a page of 20 costs a
request for each new picture, and the next query gives twenty for it."""

SATURATED_ROUNDS = 3
"""Last rounds that must have given almost nothing before a job ends as saturated."""

SATURATED_SHARE = 0.02
"""Of the candidates of these rounds must be kept: at one in fifty, a hundred further pictures
cost 5,000 downloads."""

SHARD_MIN_FINDS = 20
"""Finds that a query must have given to be worth asking in parts."""

CAPPED_SHARE = 0.9
"""Of an engine's most results: that many were given, the rest could not be read."""

CAPPED_TOTAL = 1.2
"""As often as given, or more, there is of a query by the engine's word: by less, it miscounted."""

MAX_PARTS = 120
"""Parts in which one query is asked: with an engine's 1,000 results each, far more than a job."""

MAX_POOR_PARTS = 6
"""Parts in a row with hardly anything new after which a query is left: half of all colours."""

OVERSAMPLE = 1.5
"""Candidates asked for each kept image still wanted: about a third is lost on the real web."""

MIN_ROUND_CANDIDATES = 64
"""A round is worth its overhead only from two chunks on."""

IMAGE_MAX_BYTES = 25 * 1024 * 1024
"""Largest body: covers a 24-megapixel JPEG of high quality several times."""

BODY_IN_MEMORY_BYTES = 1024 * 1024
"""Of a body that arrives; what is longer goes to a file: 64 at once then hold 64 MB, not 1.6 GB."""

IMAGE_MAX_PIXELS = 60_000_000
"""Largest width x height decoded: 180 MB as RGB. Pillow alone raises only at 179 million."""

DECODING_MAX_PIXELS = IMAGE_MAX_PIXELS
"""Decoded at once in one process: 0.9 GB at worst (WebP), 0.4 GB for a PNG."""

COLOR_SIDE_PX = 64
"""Longer side of the copy that colours are measured on: noise of the encoder averages out, and a
thing that covers a tenth of the picture still has 400 pixels."""

TRANSPARENT_SHARE = 0.05
"""Least share of clear pixels of a transparent picture: round corners alone are less than 1 %."""

GRAY_MAX_CHROMA = 20
"""Largest difference of a grey pixel's channels, of 255: a scanner's cast is less, sepia more."""

GRAY_SHARE = 0.98
"""Least share of grey pixels of a grey picture: a stamp or a date in colour does not change it."""

COLOR_SHARE = 0.1
"""Least share of pixels of the colour that is asked for: engines mean the main colour of the thing
shown, which covers more; what has less was found by an error."""

PLACEHOLDER_REDIRECTS = 3
"""Different pictures asked for, after whose redirects the same one comes: a picture that moved may
have two old addresses, and keeps its name."""

PLACEHOLDER_ADDRESSES = 4
"""Addresses with names of their own under which one host gives the same picture: sites show a
picture under two or three names (by language, by page), banners under dozens."""

PLACEHOLDER_SITES = 8
"""Unrelated sites that give the very same bytes; fewer also show the same photograph."""

PLACEHOLDER_KEYWORDS = 3
"""Keywords that they must come up for, of two categories: a photograph that the whole web shows is
shown for one thing."""

PLACEHOLDER_KEPT_DAYS = 180
"""A known placeholder that no job saw again is forgotten: sites change hands and files."""

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

USER_MAX_UPLOADED_BYTES = 100 * 1024**3
"""Of all that a user has sent and what was made of it: three of the largest jobs in nine days."""

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

LIST_MAX_ROWS = 50_000
"""Taken from one uploaded list: five times what a job may keep."""

CONSULT_BUDGET_S = 120.0
"""For all questions to a language model of one job: its pictures wait for them."""

CONSULT_TOGETHER = 4
"""Questions to it at once: a model of one's own answers few at a time."""

CONSULT_TROUBLES = 3
"""Questions without an answer after which it is not asked again in this job."""

QUERY_MAX_CHARS = 200
"""What every engine takes. Source: Openverse API documentation, the strictest of those asked in
words."""
