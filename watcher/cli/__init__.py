"""The command line: verbs; errors become exit codes."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watcher.daemon import signals

OK, FAILED, USAGE, CONFIG, INTERRUPTED = 0, 1, 2, 78, 130


def main(arguments: list[str] | None = None) -> None:
    """Run one verb and leave with its exit code. The entry point of `watcher`.

    Little is loaded before it: a daemon must not be without its signals while it starts.
    """
    # Nearly all that is loaded stays: looking through it for garbage would take a tenth of the time.
    gc.set_threshold(50_000, 20, 20)
    words = _verb_first(sys.argv[1:] if arguments is None else arguments)
    # For plugins of its own pydantic would read about each package that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    daemon = words[:1] == ["run"]
    if daemon:
        signals.SIGNALS.hold()
    code = _run(words)
    signals.ignore(*(signals.HEARD if daemon else signals.HEARD[-1:]))
    gc.freeze()  # it all goes with the process: looking through it once more would take a seventh of the time
    sys.exit(code)


def _verb_first(arguments: Sequence[str]) -> list[str]:
    """What every verb takes may stand before it as well: `watcher -c FILE status`."""
    rest, moved = list(arguments), []
    while len(rest) > 1:
        count = 2 if rest[0] in ("-c", "--config") else 1
        if count == 1 and rest[0] != "--json" and not rest[0].startswith("--config="):
            break
        moved += rest[:count]
        del rest[:count]
    if not rest:
        return list(arguments)
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *moved, *rest[end:]]


def _only_ascii_numbers(arguments: list[str]) -> None:
    """Python takes full-width and Arabic digits for numbers; here they are a slip of an input method."""
    import typer

    for word in arguments:
        if word.isdecimal() and not word.isascii():
            raise typer.BadParameter(f"'{word}' has digits that are not ASCII; write 0 to 9")


def _run(arguments: list[str]) -> int:
    try:
        from watcher.cli._encoding import settle_streams

        settle_streams()
        return _tried(_verb_first(arguments))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _tried(arguments: list[str]) -> int:
    from watcher.domain.values.errors import ConfigurationError, WatcherError

    try:
        return _done(arguments)
    except ConfigurationError as error:
        from watcher.config.pages import lines

        count = len(error.problems)
        _complain(f"{count} {'mistake' if count == 1 else 'mistakes'} in the configuration:")
        for line in lines(error):
            _complain(f"  {line}")
        return CONFIG
    except WatcherError as error:
        _complain(f"watcher: {error}")
        return FAILED
    except BrokenPipeError:
        # The reader of our output went away (`watcher history | head`): nothing to tell anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"watcher: {where}{error.strerror or error}")
        return FAILED


def _done(arguments: list[str]) -> int:
    match arguments:
        case ["run"] | ["run", "-c" | "--config", str()] if not arguments[-1].startswith("-"):
            # As services call it, which would keep for months what is loaded to understand words.
            from watcher.cli._service import watch

            return watch(Path(arguments[2]) if arguments[1:] else None)
    import typer

    from watcher.cli._app import build

    try:
        _only_ascii_numbers(arguments)
        code = build()(arguments, prog_name="watcher", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        # Wrong usage: says what was expected, as typer's own main would; code 2.
        shown: Any = error
        shown.message = shown.message.removeprefix("Value error, ")  # pydantic's word for where it came from
        shown.show()
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    if code == INTERRUPTED:  # typer makes this of Ctrl-C, and says nothing
        raise KeyboardInterrupt
    return code if isinstance(code, int) else OK


def _complain(text: str) -> None:
    """On stderr; in the journal as an error."""
    from watcher.daemon.systemd import to_journal, with_priority

    print(with_priority(text, logging.ERROR) if to_journal(sys.stderr) else text, file=sys.stderr)
