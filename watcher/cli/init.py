"""The verb `init`: files to start from, commented ones or those that a few answers make."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import must_know
from watcher.system.files import PRIVATE, SHARED, make_folder, text_file

if TYPE_CHECKING:
    from watcher.config.starter import StarterDraft

Target = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Where to write. Default: here; with --systemd: /etc/watcher."),
]
Packs = Annotated[
    list[str] | None,
    typer.Option("--pack", metavar="NAME", help="A rule pack to write; may be repeated. Asks nothing."),
]
Defaults = Annotated[
    bool, typer.Option("--defaults", help="Ask nothing: write a commented example of everything.")
]
Systemd = Annotated[
    bool, typer.Option("--systemd", help="For a service: unit, credentials and state where they belong.")
]
Units = Annotated[
    Path | None, typer.Option("--units", metavar="DIR", help="With --systemd: where the unit is written.")
]
Answers = Annotated[
    Path | None,
    typer.Option("--answers", metavar="FILE", help="Ask nothing: the answers stand in this YAML file."),
]


def _takes_urls(verb: Callable[..., int]) -> Callable[..., int]:
    """Give a verb the option `--KIND-url` of each kind of source that can be set up."""
    from watcher.sources import KINDS

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
    directory: Target = None,
    pack: Packs = None,
    defaults: Defaults = False,
    systemd: Systemd = False,
    units: Units = None,
    answers: Answers = None,
    **urls: str | None,
) -> int:
    """Write watcher.yaml and rules to start from. Overwrites nothing.

    On a terminal it asks a few questions first: which sources, their keys, wallets or a CSV file of them,
    hints, what you want to know, time zone, currency, a channel. It offers to check each key, and says
    before what that costs; it says what your wallets will cost, and sends a test message. Keys and channel
    URLs go into files in credentials/, which only you can read, and not into the configuration. --answers
    takes the answers from a file, for scripts. Elsewhere, and with --defaults or --pack, nothing is asked:
    you get a commented example with all rule packs.

    With --systemd the store is in /var/lib/watcher, and a unit is written that runs this very program. It
    says then what is left to do.
    """
    from watcher.config.service_unit import HOME, UNITS, service_unit
    from watcher.config.starter import PACKS, starter_files

    must_know("pack", pack, PACKS)
    if units and not systemd:
        raise typer.BadParameter("--units goes with --systemd")
    directory = directory or (HOME if systemd else Path())
    unit = service_unit(directory.absolute(), units or UNITS) if systemd else None
    given = {option.removesuffix("_url"): url for option, url in urls.items() if url}
    if answers is not None:
        if pack or defaults or given:
            raise typer.BadParameter(
                "--answers goes without --pack and --defaults, and its file says each url"
            )
        return _draft(directory, unit, lambda: _answered(answers))
    if not (pack or defaults) and sys.stdin.isatty() and sys.stdout.isatty():
        return _draft(directory, unit, lambda: _asked(given))
    wanted = _placed(directory, starter_files(tuple(pack) if pack else PACKS, given), unit)
    code = _write(directory, wanted, {})
    if code == 0 and unit is not None:
        _service(directory)
    elif code == 0:
        typer.echo("Next: put in your wallets and keys, then `watcher check` and `watcher send-test`.")
    return code


def _asked(urls: Mapping[str, str]) -> tuple[StarterDraft, Mapping[str, str]]:
    from watcher.cli._interview import Interview

    interview = Interview(urls)
    return interview.draft(), interview.secrets()


def _answered(path: Path) -> tuple[StarterDraft, Mapping[str, str]]:
    from watcher.cli._answers import AnswersFile

    file = AnswersFile(path, os.environ)
    draft = file.draft()
    for line in file.trial(draft).cost():
        typer.echo(line)
    return draft, file.secrets()


def _draft(
    directory: Path,
    unit: Mapping[Path, str] | None,
    drafted: Callable[[], tuple[StarterDraft, Mapping[str, str]]],
) -> int:
    """Write what was drafted, once nothing is in its way."""
    from watcher.config.environment import FOLDER
    from watcher.config.starter import drafted_files

    there = [path for path in (directory / "watcher.yaml", *(unit or ())) if os.path.lexists(path)]
    if there:
        return _refuse(there)
    place = next(each for each in (directory, *directory.absolute().parents) if os.path.lexists(each))
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        wrong = "this user may not write there" if place.is_dir() else "it is no folder"
        typer.echo(f"nothing was written: {place}: {wrong}; choose another directory", err=True)
        return 1
    draft, secrets = drafted()
    wanted = _placed(directory, drafted_files(draft), unit)
    secret = {directory / FOLDER / name: f"{value}\n" for name, value in secrets.items()}
    code = _write(directory, wanted, secret)
    if code == 0 and unit is not None:
        _service(directory)
    elif code == 0:
        here = "" if directory == Path() else f"cd {directory}; "
        typer.echo(f"Next: {here}watcher check; watcher send-test; watcher run")
    return code


def _placed(directory: Path, texts: Mapping[str, str], unit: Mapping[Path, str] | None) -> dict[Path, str]:
    """Path → text of all files; those of a service, where there is a unit for it."""
    from watcher.cli._schemas import named
    from watcher.config.service_unit import STATE
    from watcher.config.starter import STORE

    found = {directory / name: text for name, text in named(texts).items()}
    if unit is not None:
        path = directory / "watcher.yaml"
        found[path] = found[path].replace(STORE, STORE.replace("watcher.db", f"{STATE}/watcher.db"))
        found |= unit
    return found


def _service(directory: Path) -> None:
    """The folder of keys, without which the unit does not start; and what is left to do."""
    from watcher.config.environment import FOLDER
    from watcher.config.service_unit import HOME, unset

    make_folder(directory / FOLDER, 0o700)
    config = directory / "watcher.yaml"
    for name in unset(config.read_text(encoding="utf-8"), directory):
        typer.echo(f"Still to write: {directory / FOLDER / name}, with the value of ${{{name}}}")
    named = "" if directory == HOME else f" -c {config}"
    typer.echo(f"Next, as root: watcher send-test{named}")
    typer.echo("               systemctl enable --now watcher")


def _write(directory: Path, wanted: Mapping[Path, str], secret: Mapping[Path, str]) -> int:
    """Write what is not there yet, all or nothing; `secret` so that only the owner can read it, from the
    first byte on."""
    from watcher.cli import _schemas

    texts = {**secret, **wanted}
    there = [path for path in texts if os.path.lexists(path)]
    if there:
        return _refuse(there)
    around = {folder for path in texts for folder in path.parents if not folder.exists()}
    made: list[Path] = []
    try:
        for path, text in texts.items():
            make_folder(path.parent, 0o700 if path in secret else 0o755)
            with text_file(path, mode=PRIVATE if path in secret else SHARED, new=True) as file:
                made.append(path)
                file.write(text)
        schemas = _schemas.write(directory)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        for folder in sorted(around, key=lambda each: len(each.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        raise
    for path in made:
        typer.echo(f"wrote {path}" + (" (only you can read it)" if path in secret else ""))
    typer.echo(f"wrote {schemas}, from which editors complete")
    return 0


def _refuse(there: list[Path]) -> int:
    names = ", ".join(str(path) for path in there)
    verb = "is" if len(there) == 1 else "are"
    typer.echo(f"nothing was written: {names} {verb} there already; choose another directory", err=True)
    return 1
