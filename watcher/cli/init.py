"""The verb `init`: files to start from, commented ones or those that a few answers make."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated

import typer

from watcher.cli._common import must_know
from watcher.sources import KINDS
from watcher.system.files import PRIVATE, SHARED, make_folder, text_file


def _takes_urls(verb: Callable[..., int]) -> Callable[..., int]:
    """Give a verb the option `--KIND-url` of each kind of source that can be set up."""
    options = [
        Parameter(
            f"{name}_url",
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(f"--{name}-url", metavar="URL", help=f"{setup.title} at another address."),
            ],
        )
        for name, kind in KINDS.items()
        if (setup := kind.setup()) is not None
    ]
    own = signature(verb, eval_str=True)
    kept = [each for each in own.parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    verb.__signature__ = own.replace(parameters=[*kept, *options])  # type: ignore[attr-defined]
    return verb


@_takes_urls
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")] = Path(),
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", metavar="NAME", help="A rule pack to write; may be repeated. Asks nothing."),
    ] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing: write a commented example of everything.")
    ] = False,
    **urls: str | None,
) -> int:
    """Write watcher.yaml and rules to start from. Overwrites nothing.

    On a terminal it asks a few questions first: which sources, their keys, the first wallet, hints, a
    channel. It offers to check each key, and says before what that costs. Keys and channel URLs go into
    files in credentials/, which only you can read, and not into the configuration. Elsewhere, and with
    --defaults or --pack, nothing is asked: you get a commented example with all rule packs.
    """
    from watcher.config.starter import PACKS, starter_files

    must_know("pack", pack, PACKS)
    asking = not (pack or defaults) and sys.stdin.isatty() and sys.stdout.isatty()
    chosen = tuple(pack) if pack else PACKS
    given = {option.removesuffix("_url"): url for option, url in urls.items() if url}
    if not asking:
        code = _write({directory / name: text for name, text in starter_files(chosen, given).items()}, {})
        if code == 0:
            typer.echo("Next: put in your wallets and keys, then `watcher check` and `watcher send-test`.")
        return code
    return _ask(directory, given)


def _ask(directory: Path, urls: Mapping[str, str]) -> int:
    from watcher.cli._interview import Interview
    from watcher.config.environment import FOLDER
    from watcher.config.starter import drafted_files

    there = [path for path in (directory / "watcher.yaml",) if path.exists()]
    if there:
        return _refuse(there)
    interview = Interview(urls)
    draft = interview.draft()
    wanted = {directory / name: text for name, text in drafted_files(draft).items()}
    secret = {directory / FOLDER / name: f"{value}\n" for name, value in interview.secrets().items()}
    code = _write(wanted, secret)
    if code == 0:
        here = "" if directory == Path() else f"cd {directory}; "
        typer.echo(f"Next: {here}watcher check; watcher send-test; watcher run")
    return code


def _write(wanted: Mapping[Path, str], secret: Mapping[Path, str]) -> int:
    """Write what is not there yet; `secret` so that only the owner can read it, from the first byte on."""
    there = [path for path in (*wanted, *secret) if path.exists()]
    if there:
        return _refuse(there)
    for path, text in (*secret.items(), *wanted.items()):
        make_folder(path.parent, 0o700 if path in secret else 0o755)
        with text_file(path, mode=PRIVATE if path in secret else SHARED, new=True) as file:
            file.write(text)
        typer.echo(f"wrote {path}" + (" (only you can read it)" if path in secret else ""))
    return 0


def _refuse(there: list[Path]) -> int:
    names = ", ".join(str(path) for path in there)
    verb = "is" if len(there) == 1 else "are"
    typer.echo(f"nothing was written: {names} {verb} there already; choose another directory", err=True)
    return 1
