"""What verbs share: where the configuration is, how things are printed, how logs look."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cli._encoding import json_text
from watcher.commands.ids import only_one
from watcher.daemon import systemd
from watcher.domain.values.errors import ConfigurationError, InputError, Place, Problem
from watcher.domain.values.formatting import iso
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import visible
from watcher.service.clock import SystemClock

if TYPE_CHECKING:
    from watcher.cli._rows import ProblemRow
    from watcher.config.configuration import Configuration
    from watcher.ports.store import StoreBackend

PLACES = (Path("watcher.yaml"), Path("/etc/watcher/watcher.yaml"))


def config_path(chosen: Path | None) -> Path:
    """The file asked for, or the first of the usual places that exists."""
    if chosen is not None:
        if not chosen.is_file():
            raise ConfigurationError(
                [Problem(Place(str(chosen)), "there is no such file", "`watcher init` writes one")]
            )
        return chosen
    for place in PLACES:
        if place.is_file():
            return place
    where = " or ".join(str(place) for place in PLACES)
    remedy = "name one with -c FILE, or let `watcher init` write one"
    raise ConfigurationError([Problem(Place(where), "there is no configuration file here", remedy)])


def time_of(store: StoreBackend) -> datetime:
    """What time it is for all who use a store: on a machine whose clock is wrong, too."""
    return (store.clock() or SystemClock()).now()


def the_one(text: str, found: Mapping[str, str], what: str) -> str:
    """The id that a person means by how it begins; wrong usage if that may be several."""
    try:
        return only_one(text, found, what)
    except InputError as error:
        import typer

        raise typer.BadParameter(visible(str(error))) from None


def configured(chosen: Path | None, *, channels: bool = False, secrets: bool | None = None) -> Configuration:
    """The configuration, read and checked; `channels`: they are built too.

    Who needs no channel asks no API either, and needs no key: under systemd the keys are the daemon's alone.
    """
    from watcher.config.configuration import configure

    secrets = channels if secrets is None else secrets
    configuration = configure(config_path(chosen), os.environ, channels=channels, secrets=secrets)
    if odd := configuration.settings.backend.warning():
        print(f"warning: {odd}", file=sys.stderr)
    return configuration


def must_know(word: str, names: Iterable[str] | None, known: Collection[str]) -> None:
    """Wrong usage for a name that nobody knows, with the one that was probably meant."""
    for name in names or ():
        if name not in known:
            import typer

            raise typer.BadParameter(f"there is no {word} '{name}'; {nearest(name, known)}")


def must_know_wallets(configuration: Configuration, names: Iterable[str] | None) -> None:
    must_know("wallet", names, {wallet.name for wallet in configuration.settings.wallets})


def print_json(value: object) -> None:
    sys.stdout.write(json_text(value, sys.stdout, indent=2, default=plain_json) + "\n")


def plain_json(value: object) -> str:
    """What JSON has no word for: times with Z, amounts with all their digits."""
    if isinstance(value, datetime):
        return iso(value)
    return str(value)


def set_up_logging(level: str, form: str) -> None:
    """Log to stderr; under systemd the journal adds the time."""
    handler = logging.StreamHandler()
    formatter = _FORMATS.get(form, _Console)()
    handler.setFormatter(_Journal(formatter) if systemd.to_journal(sys.stderr) else formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("apscheduler", "aiohttp.access", "asyncio", "apprise", "urllib3", "requests"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of each connection that a server ended


class _Console(logging.Formatter):
    """One line a record: no line of a message can pass for another record."""

    def format(self, record: logging.LogRecord) -> str:
        at = "" if systemd.to_journal(sys.stderr) else f"{_when(record)} "
        return f"{at}{record.levelname.lower():8} {record.name}: {_message(self, record)}"


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = json_text(_message(self, record), sys.stderr)
        return f"ts={_when(record)} level={record.levelname.lower()} logger={record.name} msg={message}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, str] = {
            "ts": _when(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": _message(self, record),
        }
        return json_text(fields, sys.stderr)


class _Journal(logging.Formatter):
    """Another form, each line with its priority."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return systemd.with_priority(self._inner.format(record), record.levelno)


_FORMATS: Mapping[str, type[logging.Formatter]] = {"logfmt": _Logfmt, "json": _Json}


def _when(record: logging.LogRecord) -> str:
    return iso(datetime.fromtimestamp(record.created, UTC))


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The message without what is invisible, and a traceback after it; no line of it can pass for another."""
    text = record.getMessage()
    text = "\n    ".join(map(visible, text.split("\n")))
    if record.exc_info:
        text += "\n    " + formatter.formatException(record.exc_info).replace("\n", "\n    ")
    return text


def problem_row(problem: Problem) -> ProblemRow:
    """A mistake for scripts, with the page that explains its key."""
    from watcher.config.pages import explained

    docs = explained(problem)
    return {"where": problem.where, "what": problem.what, "remedy": problem.remedy, "docs": docs}
