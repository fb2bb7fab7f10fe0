"""Registers the stories with Durable Functions."""

from __future__ import annotations

import azure.durable_functions as df

from pixcrawler.orchestration.build_dataset import build_dataset
from pixcrawler.orchestration.process_chunks import process_chunks

blueprint = df.Blueprint()

for story in (build_dataset, process_chunks):
    blueprint.orchestration_trigger(context_name="context", orchestration=story.__name__)(story)
