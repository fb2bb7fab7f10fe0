"""An estimate on the real stack is kept by what really happens."""

SAMPLE = {
    "name": "estimated",
    "keywords": ["apple", "car", "fish", "tree"],
    "engines": ["local"],
    "max_images": 60,
}


def test_what_happens_is_within_the_estimate(client):
    """The sample job gives and costs what was estimated for it, within every interval."""
    answer = client.call("POST", "/jobs/estimate", json=SAMPLE)
    assert answer.status_code == 200, answer.text
    estimate = answer.json()
    assert estimate["engines"][0]["asked"] == 3
    job = client.ended(client.create(**SAMPLE)["id"])
    assert job["estimate"] == estimate
    for name, came in job["actual"].items():
        assert estimate[name]["low"] <= came <= estimate[name]["high"], (name, job, estimate)
    taken = job["progress"]["candidates"]
    assert taken <= estimate["candidates"]["high"]


def test_an_engine_that_cannot_be_reached_is_told(client):
    """Before anything is started, the estimate says which engine cannot be asked, and why."""
    wanted = {**SAMPLE, "engines": ["openverse", "local"]}
    engines = client.call("POST", "/jobs/estimate", json=wanted).json()["engines"]
    states = {one["engine"]: one["status"] for one in engines}
    assert states == {"openverse": "failed", "local": "ok"}
    assert "127.0.0.1" in engines[0]["detail"]
