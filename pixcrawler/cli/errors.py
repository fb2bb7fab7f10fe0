"""What can go wrong for the person at the command line, and the exit code that says so.

CliError                 1   the sentence is shown, never a traceback
|- JobEnded              1   the job failed or was cancelled
|- Mistake               2   a wrong argument, job file, or name of a job or dataset
|- Unreachable           4   no API, no local stack, or no valid token
`- ApiRefused            2 or 1 or 4: by the HTTP status, see its class
"""

from __future__ import annotations

from typing import Any

OK = 0
FAILED = 1
MISTAKE = 2
PARTIAL = 3
UNREACHABLE = 4
INTERRUPTED = 130

_MISTAKES = (400, 404, 409, 413, 415, 422)


class CliError(Exception):
    """Something went wrong."""

    code: str = "failed"
    exit_code: int = FAILED

    def __init__(self, message: str, **details: Any) -> None:
        """Take a sentence for people and facts for programs."""
        super().__init__(message)
        self.message = message
        self.details = details

    def as_json(self) -> dict[str, Any]:
        """Return the shape in which the API tells errors, too."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class JobEnded(CliError):
    """The job ended without a dataset."""

    code = "job_failed"


class Mistake(CliError):
    """What was asked cannot be done as it was asked."""

    code = "usage"
    exit_code = MISTAKE


class Unreachable(CliError):
    """The API or the local stack cannot be used at all."""

    code = "unreachable"
    exit_code = UNREACHABLE


class ApiRefused(CliError):
    """The API answered with its standard error."""

    def __init__(self, status: int, code: str, message: str, details: dict[str, Any]) -> None:
        """Take what the answer says."""
        super().__init__(message, **details)
        self.status = status
        self.code = code
        if status in (401, 403):
            self.exit_code = UNREACHABLE
        elif status in _MISTAKES:
            self.exit_code = MISTAKE

    @property
    def lines(self) -> list[str]:
        """Return one line a violation (field, rule, value), or the message."""
        violations = self.details.get("violations")
        if not isinstance(violations, list) or not violations:
            return [self.message]
        return [_violation(found) for found in violations if isinstance(found, dict)]


def _violation(found: dict[str, Any]) -> str:
    told = f"{found.get('field')}: {found.get('message')}"
    value = found.get("value")
    shown = "" if value is None else f", value: {value!r}"
    return f"{told} (rule: {found.get('rule')}{shown})"
