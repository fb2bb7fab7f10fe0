"""Monitor: look again and again until something happens, but not for ever."""

import datetime as dt
from pathlib import Path

import azure.durable_functions as df

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def watch_file(context):
    """The input has file, every and seconds; the output says what was seen, and how often."""
    told = context.get_input()
    expires = context.current_utc_datetime + dt.timedelta(seconds=told["seconds"])
    looks = 0
    while context.current_utc_datetime < expires:
        looks += 1
        seen = yield context.call_activity("look", told["file"])
        if seen:
            yield context.call_activity("alert", told["file"])
            return {"seen": True, "looks": looks}
        context.set_custom_status({"looks": looks})
        pause = dt.timedelta(milliseconds=told["every"])
        yield context.create_timer(context.current_utc_datetime + pause)
    return {"seen": False, "looks": looks}


@bp.activity_trigger(input_name="file")
def look(file: str) -> bool:
    """Whether the file is there."""
    return Path(file).exists()


@bp.activity_trigger(input_name="file")
def alert(file: str) -> str:
    """Leave a note beside the file."""
    Path(file + ".alert").write_text("it is there")
    return file
