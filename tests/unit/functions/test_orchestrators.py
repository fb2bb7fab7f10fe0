"""Stories are registered under the names by which they are started."""

from __future__ import annotations

import asyncio

from pixcrawler.functions import orchestrators
from pixcrawler.functions.start import start_story
from pixcrawler.pipeline.payloads import Order


def test_what_is_started_is_registered(stories, registered):
    """The story of a job exists under the name that starting it uses; so does its sub-story."""
    asyncio.run(start_story(stories, Order(job_id="job-1", wanted=5)))
    [(name, instance, _)] = stories.started
    assert (name, instance) == ("build_dataset", "job-1")
    assert registered(orchestrators) == {name, "process_chunks"}
