"""Fan-out, fan-in: copy every file of a folder at once and add up the bytes."""

import shutil
from pathlib import Path

import azure.durable_functions as df

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def backup_folder(context):
    """The input has source and target; the output is the number of bytes copied."""
    told = context.get_input()
    files = yield context.call_activity("list_files", told["source"])
    copies = [
        context.call_activity("copy_file", {"file": file, "target": told["target"]})
        for file in files
    ]
    return sum((yield context.task_all(copies)))


@bp.activity_trigger(input_name="source")
def list_files(source: str) -> list:
    """All files below a folder, sorted, so that the order is the same in every run."""
    return sorted(str(path) for path in Path(source).rglob("*") if path.is_file())


@bp.activity_trigger(input_name="task")
def copy_file(task: dict) -> int:
    """Copy one file and give its size; copying it again changes nothing."""
    copied = shutil.copy(task["file"], task["target"])
    return Path(copied).stat().st_size
