"""On a terminal a run shows a bar; the result is the same."""

from tests.fakes.api_server import a_job
from tests.integration.cli.terminal import on_a_terminal


def test_a_bar_is_drawn_on_a_terminal(server, tmp_path):
    """The bar moves with the counts of the job, and the summary follows."""
    chunks = {"total": 4, "active": 1, "completed": 2, "failed": 0}
    server.will.story = [
        a_job(status="running", stage="downloading", progress={"chunks": chunks, "kept": 5}),
        a_job(),
    ]
    code, shown = on_a_terminal(server, tmp_path, "run", "fox")
    assert code == 0
    assert "chunks 2/4" in shown
    assert "10 images, as many as wanted" in shown
    assert "\x1b[" in shown


def test_errors_are_one_line_on_a_terminal(server, tmp_path):
    """A terminal shows an error as one line, its first word in colour."""
    code, shown = on_a_terminal(server, tmp_path, "status", "abcd")
    assert (code, shown) == (2, "\x1b[1;31merror: \x1b[0mthere is no job 'abcd'\r\n")


def test_strange_texts_do_not_steer_the_terminal(server, tmp_path):
    """What an engine or a site has put into a text is shown, and not obeyed."""
    report = {"engine": "x", "status": "failed", "candidates": 0, "detail": "\x1b]0;evil\x07 [red]"}
    server.will.story = [a_job(engines=[report], message="\x1b[2Jgone")]
    _, shown = on_a_terminal(server, tmp_path, "status", a_job()["id"])
    assert "\x1b]0" not in shown
    assert "\x1b[2J" not in shown
    assert "[red]" in shown
