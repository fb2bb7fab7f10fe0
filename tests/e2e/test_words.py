"""Words on the whole stack: topics, translations, operators, and notes that reach the person."""

from __future__ import annotations

from tests.fakes.chat import words


def test_a_topic_becomes_a_dataset(client, chat):
    """A language model's words are the keywords below the topic, which is the category."""
    said = {"shapes": words("star", "moon", "<b>car</b>", "house")}
    chat.answer = lambda asked: said.get(asked.about["about"], words("bright star shape"))
    created = client.create(
        name="shapes",
        topic="shapes",
        engines=["local"],
        max_images=24,
        expand={"mode": "model", "keywords": 3, "per_keyword": 1},
    )
    job = client.ended(created["id"])
    assert job["status"] == "succeeded", job
    assert job["notes"] == []
    images = client.manifest(job)["images"]
    assert {(image["category"], image["keyword"]) for image in images} == {
        *(("shapes", keyword) for keyword in ("star", "moon", "house")),
    }


def test_a_topic_with_operators_and_no_answer(client, chat):
    """A model that refuses costs no job: the topic is its own keyword, and a note says why."""
    chat.say("rude")
    created = client.create(
        name="words",
        topic='star -"night sky"',
        engines=["local"],
        max_images=12,
        expand={"mode": "model", "translations": {'star -"night sky"': ["moon"]}},
    )
    assert created["notes"] == []
    job = client.ended(created["id"])
    assert job["status"] == "succeeded", job
    (note,) = job["notes"]
    assert (note["code"], note["subject"]) == ("expansion_fell_back", "model")
    assert "closed before the answer was complete" in note["message"]

    images = client.manifest(job)["images"]
    assert {(image["category"], image["keyword"]) for image in images} == {("star", "star")}
    log = client.archive(job).read("metadata/processing_log.txt").decode()
    assert note["message"] in log
    assert 'topic       star -"night sky"' in log
