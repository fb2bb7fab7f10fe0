"""Words on the whole stack: topics, translations, operators, and notes that reach the person."""

from __future__ import annotations


def test_a_topic_with_operators_becomes_a_dataset(client):
    """One category named after the topic; a model that is not set up is told at once and after."""
    created = client.create(
        name="words",
        topic='star -"night sky"',
        engines=["local"],
        max_images=12,
        expand={"mode": "model", "translations": {'star -"night sky"': ["moon"]}},
    )
    (note,) = created["notes"]
    assert (note["code"], note["subject"]) == ("expansion_fell_back", "model")
    job = client.ended(created["id"])
    assert job["status"] == "succeeded", job
    assert job["notes"] == [note]

    images = client.manifest(job)["images"]
    assert {(image["category"], image["keyword"]) for image in images} == {("star", "star")}
    log = client.archive(job).read("metadata/processing_log.txt").decode()
    assert note["message"] in log
    assert 'topic       star -"night sky"' in log
