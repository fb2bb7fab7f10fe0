"""Call one function: Datum in, Datum out, through azure.functions' own converters."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from azure.functions.meta import Datum

from pixcrawler.host.calls import Answer, FunctionFailed, Retry
from pixcrawler.host.loader import LoadedFunction
from pixcrawler.host.logs import current_function
from pixcrawler.host.signatures import IMPLICIT_OUTPUT, Binding, converter

invocation_id: ContextVar[str | None] = ContextVar("invocation_id", default=None)
_thread_local = threading.local()
_Ending = tuple[BaseException | None, Any]
_STORED_RETURNS = frozenset({"queue", "blob"})


@dataclass(frozen=True)
class Call:
    """One invocation to make; ``id`` is what the log and ``context.invocation_id`` show."""

    id: str
    name: str
    inputs: Mapping[str, Datum]
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)


class OutputSlot:
    """What a parameter annotated ``func.Out[...]`` receives."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, value: Any) -> None:
        """Keep the value to be written when the function has succeeded."""
        self._value = value

    def get(self) -> Any:
        """Return what was set, None before."""
        return self._value


@dataclass(frozen=True)
class RetryContext:
    """``context.retry_context``, under the names of the SDK."""

    retry_count: int
    max_retry_count: int
    exception: str | None


class TraceContext:
    """``context.trace_context``; the embedded host traces nothing, so it is empty."""

    def __init__(self) -> None:
        self.trace_parent = ""
        self.trace_state = ""
        self.Tracestate = ""
        self.attributes: dict[str, str] = {}


class Context:
    """What a parameter called ``context`` receives: the attributes of `azure.functions.Context`."""

    def __init__(self, loaded: LoadedFunction, call: Call) -> None:
        self.invocation_id = call.id
        self.function_name = loaded.info.name
        self.function_directory = loaded.directory
        self.trace_context = TraceContext()
        self.retry_context = RetryContext(
            call.retry.count, call.retry.maximum, call.retry.exception
        )
        self.thread_local_storage = _thread_local


def thread_count(environment: Mapping[str, str], asked: int | None = None) -> int:
    """Return how many sync functions run at once: asked for, set, or the worker's default."""
    if asked is not None:
        return asked
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    return min(32, (os.cpu_count() or 1) + 4)


class Invoker:
    """Runs the functions of an app in this process: async ones on the loop, the rest in threads."""

    def __init__(self, functions: Mapping[str, LoadedFunction], threads: int) -> None:
        self._functions = functions
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="function")

    async def invoke(self, call: Call) -> Answer:
        """Run one call.

        Raises:
            FunctionFailed: the function raised, or its values do not fit its bindings.
        """
        loaded = self._functions[call.name]
        raised: BaseException | None
        try:
            arguments = _arguments(loaded, call)
            raised, returned = await self._run(loaded, call, arguments)
            if raised is None:
                return _answer(loaded, arguments, returned)
        except Exception as error:  # noqa: BLE001 - the door: converters raise whatever they like
            raised = error
        raise _failure(raised) from raised

    async def _run(self, loaded: LoadedFunction, call: Call, arguments: dict[str, Any]) -> _Ending:
        if not loaded.is_async:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._pool, _run_in_thread, loaded, call.id, arguments
            )
        _thread_local.invocation_id = call.id
        invocation_id.set(call.id)
        current_function.set(loaded.info.name)
        try:
            return None, await loaded.function(**arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the door: functions raise anything
            return error, None

    def close(self) -> None:
        """Start no further function; those that run in threads cannot be stopped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _run_in_thread(loaded: LoadedFunction, call_id: str, arguments: dict[str, Any]) -> _Ending:
    _thread_local.invocation_id = call_id
    marked = invocation_id.set(call_id)
    named = current_function.set(loaded.info.name)
    try:
        return None, loaded.function(**arguments)
    except BaseException as error:  # noqa: BLE001 - a StopIteration or SystemExit would hang the future
        return error, None
    finally:
        invocation_id.reset(marked)
        current_function.reset(named)
        _thread_local.invocation_id = None


def _arguments(loaded: LoadedFunction, call: Call) -> dict[str, Any]:
    signature = loaded.signature
    arguments: dict[str, Any] = {}
    for name, binding in signature.inputs.items():
        if name in call.inputs:
            metadata = call.metadata if binding is loaded.info.trigger else {}
            hint = signature.hints.get(name)
            arguments[name] = _decode(binding, call.inputs[name], metadata, hint)
    for name in signature.outputs:
        arguments[name] = OutputSlot()
    if signature.wants_context:
        arguments["context"] = Context(loaded, call)
    return arguments


def _decode(binding: Binding, datum: Datum, metadata: Mapping[str, Datum], hint: Any) -> Any:
    found = converter(binding["type"])
    if found is None or (hint in (str, bytes) and binding["type"] not in IMPLICIT_OUTPUT):
        return _plain(datum.value, hint)
    try:
        return found.decode(datum, trigger_metadata=metadata)
    except NotImplementedError:
        raise TypeError(
            "unable to decode incoming TypedData: unsupported combination of TypedData field "
            f"{datum.type!r} and expected binding type {found}"
        ) from None


def _plain(value: Any, hint: Any) -> Any:
    if hint is str and isinstance(value, bytes):
        return value.decode()
    if hint is bytes and isinstance(value, str):
        return value.encode()
    return value


def _answer(loaded: LoadedFunction, arguments: Mapping[str, Any], returned: Any) -> Answer:
    signature = loaded.signature
    if returned is not None and signature.returns is None:
        raise RuntimeError(
            f"function {loaded.info.name!r} without a $return binding returned a non-None value"
        )
    outputs: dict[str, Datum] = {}
    for name, binding in signature.outputs.items():
        value = arguments[name].get()
        if value is not None:
            outputs[name] = _encode(binding, value, None)
    if signature.returns is None:
        return Answer(None, outputs)
    if signature.returns["type"] in _STORED_RETURNS:
        if returned is not None:
            outputs["$return"] = _encode(signature.returns, returned, None)
        return Answer(None, outputs)
    return Answer(_encode(signature.returns, returned, signature.hints.get("return")), outputs)


def _encode(binding: Binding, value: Any, hint: Any) -> Datum:
    found = converter(binding["type"])
    try:
        datum = _generic(value) if found is None else found.encode(value, expected_type=hint)
    except NotImplementedError:
        raise TypeError(
            "unable to encode outgoing TypedData: unsupported type "
            f'"{binding["type"]}" for Python type "{type(value).__name__}"'
        ) from None
    if datum.type == "http":
        datum.value["cookies"] = [
            morsel.OutputString()
            for cookie in datum.value.get("cookies") or ()
            for morsel in cookie.values()
        ]
    return datum


def _generic(value: Any) -> Datum:
    if value is None:
        return Datum(None, None)
    if isinstance(value, str):
        return Datum(value, "string")
    if isinstance(value, bytes | bytearray):
        return Datum(bytes(value), "bytes")
    raise NotImplementedError


def _failure(error: BaseException) -> FunctionFailed:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the app's own __str__ may raise anything
        text = "<exception str() failed>"
    stack = "".join(traceback.format_exception(type(error), error, _app_frames(error)))
    return FunctionFailed(type(error).__name__, text, stack)


def _app_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback from the app's code on; None where only the host's raised."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames
