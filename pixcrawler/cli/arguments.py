"""What may be written on the command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from typing_extensions import override

from pixcrawler.cli.errors import Mistake
from pixcrawler.cli.fetch import add_fetch
from pixcrawler.cli.stack import DEFAULT_STATE

_EPILOG = """\
exit codes: 0 done; 1 the job failed or was cancelled, a dataset is not what its receipts say, or of
a list no picture was kept; 2 a mistake on the command line or in the job file; 3 a dataset with
fewer images than wanted, or a list that breaks off; 4 no API, no local stack or no valid token; 130
interrupted. Results go to stdout, everything else to stderr.
"""


class _Parser(argparse.ArgumentParser):
    """Raises what the command line shows in its own way."""

    @override
    def error(self, message: str) -> NoReturn:
        raise Mistake(f"{message} (see {self.prog} --help)")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the arguments as fields; ``command`` names what to do.

    Raises:
        Mistake: they make no sense.
    """
    parser = _Parser(
        prog="pixcrawler",
        description="Words in, an image dataset out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parents = [_common()]

    def command(name: str, told: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=parents, help=told, allow_abbrev=False)

    _run(command("run", "build a dataset"))
    _job(command("estimate", "what a job would give and cost"))
    jobs = command("jobs", "list your jobs")
    jobs.add_argument("--limit", type=_positive, default=20, metavar="N", help="at most (20)")
    status = _of_job(command("status", "show a job"))
    status.add_argument("--watch", action="store_true", help="stay until the job has ended")
    _of_job(command("cancel", "cancel a job"))
    _retry(_of_job(command("retry", "fetch again what failed in a job")))
    _download(command("download", "fetch a dataset"))
    _verify(command("verify", "check a dataset by its receipts"))
    fetched = commands.add_parser(
        "fetch", help="fetch a list of addresses, without a stack", allow_abbrev=False
    )
    add_fetch(fetched, _positive)
    _engines(command("engines", "list, look at and switch engines"))
    serve = command("serve", "keep the local stack running here")
    serve.add_argument("--stop", action="store_true", help="stop the one that is running")
    return parser.parse_args(arguments)


def _common() -> _Parser:
    common = _Parser(add_help=False, allow_abbrev=False)
    group = common.add_argument_group("everywhere")
    group.add_argument("--json", action="store_true", help="the result as JSON, errors too")
    group.add_argument(
        "--api",
        metavar="URL",
        default=os.environ.get("PIXCRAWLER_API") or None,
        help="use this server instead of a local stack (or PIXCRAWLER_API)",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="with --api: where the access token is (default: PIXCRAWLER_TOKEN)",
    )
    group.add_argument(
        "--state", type=Path, metavar="DIR", default=DEFAULT_STATE, help="of the local stack"
    )
    group.add_argument(
        "--keep", action="store_true", help="leave a local stack running that was started for this"
    )
    return common


def _run(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _out(parser)
    parser.add_argument("--no-wait", action="store_true", help="start the job and return")


def _job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SPEC.yaml | WORD | PATH",
        help="a job file; or words, each a category; or own things: a folder/ of pictures, an "
        "archive of pictures (.zip, .tar, .tar.gz), a list of addresses (.txt, .csv, .tsv, .jsonl, "
        ".parquet); with nothing, a sample from the local website",
    )
    parser.add_argument(
        "--category",
        metavar="N",
        help="of your own folders, archives and lists (default: the name of each; of a folder "
        "whose pictures are all in sub-folders: theirs)",
    )
    parser.add_argument("--max", type=_positive, metavar="N", help="images wanted in all")
    parser.add_argument(
        "--engine", action="append", default=[], metavar="E", help="may be given several times"
    )
    parser.add_argument("--name", metavar="N", help="of the dataset")


def _of_job(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("job", metavar="JOB", help="its id, or the beginning of it")
    return parser


def _retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reason",
        action="append",
        default=[],
        metavar="R",
        help="fetch again what failed for this reason; may be given several times (default: those"
        " that may have passed by now, such as throttled and timed_out)",
    )
    _out(parser)
    parser.add_argument("--no-wait", action="store_true", help="start the job and return")


def _download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="its id or name")
    parser.add_argument("--version", type=_positive, metavar="N", help="default: the latest")
    _out(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset",
        metavar="DATASET",
        help="a folder or a ZIP of a dataset version; or the id or name of a dataset at the API",
    )
    parser.add_argument(
        "--version", type=_positive, metavar="N", help="of a dataset at the API (the latest)"
    )
    parser.add_argument(
        "--root", metavar="HEX", help="the root that you know from elsewhere: it must be this one"
    )


def _engines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=("list", "show", "parse", "enable", "disable", "reopen"),
        help="list (without a word); show NAME; parse ENGINE FILE: what a saved answer yields"
        " (FILE - is stdin); enable NAME, disable NAME; reopen NAME: end its suspension",
    )
    parser.add_argument("engine", nargs="?", metavar="NAME", help="of an engine")
    parser.add_argument("file", nargs="?", metavar="FILE", help="with parse: a saved answer, or -")
    parser.add_argument(
        "--accept-terms", action="store_true", help="with enable: accept the terms unasked"
    )


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("out"), help="where the files go (out)"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace other files of the same name in --out"
    )


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small: at least 1")
    return number
