"""A sub-story: download and validate a group of chunks, which bounds the history."""

from __future__ import annotations

import azure.durable_functions as df

from pixcrawler.orchestration.durable import Story, chapters, fan_out, given
from pixcrawler.pipeline import steps
from pixcrawler.pipeline.payloads import ChunkGroup, ChunkReport


@chapters
def process_chunks(context: df.DurableOrchestrationContext) -> Story[ChunkReport]:
    """Download every chunk of the group, then validate every chunk of the group."""
    group = given(context, ChunkGroup)
    downloads = yield from fan_out(context, steps.DOWNLOAD, group.chunks())
    if any(report.cancelled for report in downloads):
        return ChunkReport.total(downloads)
    return ChunkReport.total((yield from fan_out(context, steps.VALIDATE, group.chunks())))
