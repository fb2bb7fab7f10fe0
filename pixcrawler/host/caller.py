"""The one way to call the app's functions: names in any case, log lines, client bindings."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Protocol

from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer, FunctionFailed, FunctionInfo, Retry, WorkerLost
from pixcrawler.host.invoke import Call
from pixcrawler.host.logs import HOST

_NO_REASON = "(null)"


class Backend(Protocol):
    """Where functions run: this process or worker processes."""

    @property
    def functions(self) -> Mapping[str, FunctionInfo]:
        """The app's functions by name, known once the backend has started."""
        ...

    async def start(self) -> None:
        """Load the app."""
        ...

    async def invoke(self, call: Call) -> Answer:
        """Run one call; raises FunctionFailed or WorkerLost."""
        ...

    async def wait_until_able(self, timeout_s: float) -> bool:
        """Wait until a call would start now; False when the time is over."""
        ...

    async def stop(self) -> None:
        """End what runs the functions."""
        ...


class AppCaller:
    """Calls functions of the app; implements `pixcrawler.host.calls.Caller`."""

    def __init__(self, backend: Backend, functions: Mapping[str, FunctionInfo]) -> None:
        self._backend = backend
        self._functions = {name.lower(): info for name, info in functions.items()}
        self._client_binding: Datum | None = None
        self.in_flight = 0

    def set_client_binding(self, binding: str) -> None:
        """Set what parameters bound to a Durable client receive from now on."""
        self._client_binding = Datum(binding, "string")

    async def call(
        self,
        name: str,
        inputs: Mapping[str, Datum],
        metadata: Mapping[str, Datum] | None = None,
        retry: Retry | None = None,
        *,
        reason: str = _NO_REASON,
    ) -> Answer:
        """Invoke a function and log it; see `pixcrawler.host.calls.Caller.call`.

        Args:
            name: the function's name, any case.
            inputs: one Datum for each input binding; Durable clients are added here.
            metadata: the trigger's metadata.
            retry: what `context.retry_context` shows.
            reason: why the function runs, as the log shows it.

        Raises:
            LookupError: the app has no such function.
        """
        info = self._functions[name.lower()]
        made = Call(
            id=str(uuid.uuid4()),
            name=info.name,
            inputs={**self._clients(info), **inputs},
            metadata=metadata or {},
            retry=retry or Retry(),
        )
        HOST.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", info.name, reason, made.id)
        return await self._logged(made)

    async def wait_until_able(self, timeout_s: float) -> bool:
        """Wait until a call would start now; False when the time is over."""
        return await self._backend.wait_until_able(timeout_s)

    async def _logged(self, call: Call) -> Answer:
        started = time.perf_counter()
        outcome = "Failed"
        self.in_flight += 1
        try:
            answer = await self._backend.invoke(call)
            outcome = "Succeeded"
        except FunctionFailed as error:
            HOST.error(
                "Exception while executing function: Functions.%s. %s",
                call.name,
                error.stack.strip(),
            )
            raise
        except WorkerLost as error:
            HOST.error("Function Functions.%s was cut off: %s", call.name, error)
            raise
        finally:
            self.in_flight -= 1
            HOST.info(
                "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)",
                call.name,
                outcome,
                call.id,
                (time.perf_counter() - started) * 1000,
            )
        return answer

    def _clients(self, info: FunctionInfo) -> dict[str, Datum]:
        if self._client_binding is None:
            return {}
        return {
            binding["name"]: self._client_binding
            for binding in info.bindings
            if binding["type"] == "durableClient"
        }


def timed_out(call: Call, timeout_s: float) -> FunctionFailed:
    """Return the failure of a call that ran longer than `functionTimeout`."""
    hours, rest = divmod(int(timeout_s), 3600)
    text = (
        f"Timeout value of {hours:02d}:{rest // 60:02d}:{rest % 60:02d} exceeded by function "
        f"'Functions.{call.name}' (Id: '{call.id}')."
    )
    return FunctionFailed("FunctionTimeoutException", text, text)
