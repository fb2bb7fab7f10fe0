"""Human interaction: a code is sent, three answers are allowed, and time runs out."""

import datetime as dt
import json
from pathlib import Path

import azure.durable_functions as df

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def verify_phone(context):
    """The input has phone, outbox and seconds; true when the right code came in time.

    A timer of its own for each answer: one that an earlier task_any has scheduled is not raced
    again, and the instance would run on after it fired.
    """
    told = context.get_input()
    code = yield context.call_activity("send_code", told)
    deadline = context.current_utc_datetime + dt.timedelta(seconds=told["seconds"])
    for _ in range(3):
        answer = context.wait_for_external_event("SmsChallengeResponse")
        timeout = context.create_timer(deadline)
        winner = yield context.task_any([answer, timeout])
        if winner == timeout:
            return False
        timeout.cancel()
        if _number(answer.result) == code:
            return True
    return False


@bp.activity_trigger(input_name="told")
def send_code(told: dict) -> int:
    """Leave a four-digit code in the outbox; sent again, it stays the same."""
    code = 1000 + sum(map(ord, told["phone"])) % 9000
    Path(told["outbox"]).write_text(json.dumps({"phone": told["phone"], "code": code}))
    return code


def _number(value):
    # Raised through the client, a payload arrives as a JSON string; through the webhook, as it is.
    return json.loads(value) if isinstance(value, str) else value
