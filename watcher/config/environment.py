"""`${VAR}`, `…_file` and credentials: how secrets get into a configuration.

A variable that is not in the environment is looked for as a file of its name: among the credentials that
systemd gives the service, then in `credentials/` beside the configuration. So a verb that root runs finds
what the service is given, with nothing else said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel, SecretStr

from watcher.config.document import Document, Hidden, Loc, Node
from watcher.config.problems import models_in, parts_of, spelled, written_fields
from watcher.domain.values.errors import InputError, Problem
from watcher.system.files import first_bytes

MAX_SECRET_BYTES = 64 * 1024
PATIENCE = 30.0
"""Seconds to wait for a secret from a pipe: a password manager may ask its owner first."""
FOLDER = "credentials"
"""Beside the configuration: a file for each variable, read by its owner only."""
PREFIX = "watcher_"
"""What systemd puts before a file's name when it loads a whole folder (`LoadCredential=watcher:FOLDER`)."""
_UNNAMED = (
    "its name is not in capitals, so it is not shown: it may be a secret. "
    "Write ${…} around a variable's name, and $$ for a dollar sign that stands for itself"
)
"""A password is easily written as `${password}`; an error and a log are read by others."""
_REFERENCE = re.compile(r"\$(?:\$|\{([^{}]*)(\}?))")
_UNSET = re.compile(r"\$\{[A-Za-z_]")
_UNKNOWN = "https://unset.invalid/"
"""Stands for what a variable or a file would say, for whoever only looks and needs none of it. A model that
takes no such address says what it takes as `stand_in`."""
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class UnsetVariableError(InputError):
    """A variable without a value."""


class ClosedCredentialError(UnsetVariableError):
    """A variable whose credential may not be read by this user."""


class Environment:
    """The variables, files and credentials that one configuration may refer to."""

    def __init__(self, variables: Mapping[str, str], base_dir: Path, *, secrets: bool = True) -> None:
        """`secrets`: whether a variable that is not set is a mistake where a secret stands."""
        self._secrets = secrets
        self._variables = variables
        self._base_dir = base_dir
        directory = variables.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(directory) if directory else None

    def expand(self, text: str) -> tuple[str, tuple[Hidden, ...]]:
        """Put in `${VAR}` and `${VAR:-default}`; `$$` is a dollar sign. InputError if one is not set."""
        hidden: list[Hidden] = []

        def value_of(match: re.Match[str]) -> str:
            if match[1] is None:
                return "$"
            found = _NAME.fullmatch(match[1])
            if not match[2] or found is None:
                raise InputError("'${' must begin a ${VARIABLE}", "write $$ for a dollar sign")
            name, default = found[1], found[2]
            value = self._lookup(name)
            if default is not None and not value:
                return default
            if value is None:
                if not name.isupper():
                    raise UnsetVariableError("the variable ${…} is not set", _UNNAMED)
                raise UnsetVariableError(f"the variable {name} is not set", self._remedy(name))
            hidden.append((value, f"${{{name}}}"))
            return value

        return _REFERENCE.sub(value_of, text), tuple(hidden)

    def _lookup(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is not None:
            return value
        for path in self._credentials_of(name):
            try:
                path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ClosedCredentialError(
                    f"the credential {name if name.isupper() else '…'} may not be read: {error.strerror}: "
                    f"{path if name.isupper() else path.parent}",
                    "run this as root, or as the user whose it is",
                ) from None
            return _read_secret(path)
        beside = self._base_dir / FOLDER / name
        return _read_secret(beside) if _is_there(beside) else None

    def _credentials_of(self, name: str) -> Iterator[Path]:
        """Where systemd has it, if it is there."""
        if self._credentials is not None:
            yield from (self._credentials / name, self._credentials / f"{PREFIX}{name}")

    def _remedy(self, name: str) -> str:
        folder = self._base_dir / FOLDER
        try:
            closed = folder.is_dir() and not os.access(folder, os.X_OK, effective_ids=True)
        except OSError:
            closed = False
        if closed:
            return f"if it is in {folder}, which this user may not read, run this as root (sudo watcher …)"
        return f"set it in the environment, write it into {folder / name}, or write ${{{name}:-default}}"

    def fill(self, document: Document, loc: Loc, model: type[BaseModel]) -> None:
        """Put what `…_file` keys point at in place of them, and make paths relative to the file."""
        node, folder = document.at(loc), document.file(loc).absolute().parent
        for key, info in written_fields(model).items():
            parts = list(parts_of(info.annotation))
            if SecretStr in parts:
                unknown = getattr(model, "stand_in", _UNKNOWN)
                self._fill_secret(document, node, (*loc, key), key, unknown)
            value = node.get(key)
            if value is None:
                continue
            if Path in parts and isinstance(value.value, str) and value.value:
                value.value = str(folder / value.value)
            if int in parts and str not in parts and isinstance(value.value, str) and "$" in value.text:
                # A variable is text; here a number was meant, whether or not it stood in quotes.
                value.value = int(value.value) if _INTEGER.fullmatch(value.value) else value.value
            for inner in models_in(info.annotation)[:1]:
                below = written_fields(inner)
                many = isinstance(value.value, list) or get_origin(info.annotation) is dict
                nested = many or not any(value.get(each) for each in below)
                for part, _ in value.children() if nested else ():
                    self.fill(document, (*loc, key, part), inner)
                self.fill(document, (*loc, key), inner)

    def _fill_secret(self, document: Document, node: Node, loc: Loc, key: str, unknown: str) -> None:
        name = f"{key}_file"
        pointer = node.get(name)
        if pointer is not None:
            secret = self._pointed_at(document, node, (*loc[:-1], name), key, unknown)
            node.drop(name)
            node.put(key, secret)
        value = node.get(key)
        if value is None:
            return
        for place, each in ((loc, value), *(((*loc, part), child) for part, child in value.children())):
            if not self._secrets and each.faulty and _UNSET.search(each.text):
                _forgive(document, place, each, unknown)
            if isinstance(each.value, int) and each.text not in ("true", "false"):
                each.value = str(each.value)
            if isinstance(each.value, str) and not any(each.value == text for text, _ in each.hidden):
                each.hidden = (*each.hidden, (each.value, f"'{key}'"))

    def _pointed_at(self, document: Document, node: Node, place: Loc, key: str, unknown: str) -> Node:
        """The secret in the file that a `…_file` key names; faulty if there is none."""
        name = str(place[-1])
        pointer = node.get(name) or node
        secret = Node(pointer.line, pointer.column, None, faulty=True)
        if node.get(key) is not None:
            document.report(place, f"'{key}' and '{name}' are both given", "keep one of them", key=True)
        elif not isinstance(pointer.value, str) or pointer.faulty:
            if not pointer.faulty:
                document.report(place, f"{spelled(document, place)} must be a path", "put it in quotes")
        else:
            try:
                folder = document.file(place).absolute().parent
                secret.value = _read_secret(self._path(pointer.value, folder))
                secret.faulty = False
            except InputError as error:
                if self._secrets:
                    document.report_error(place, error)
                else:
                    secret.value, secret.faulty = f"{unknown}{pointer.text}", False
        return secret

    def _path(self, written: str, folder: Path) -> Path:
        """Where a `…_file` points: among the credentials if it is there, else beside the file that says so,
        and last among what is kept beside the configuration."""
        for path in self._credentials_of(written):
            inside = self._credentials and path.resolve().is_relative_to(self._credentials.resolve())
            if inside and _is_there(path):
                return path
        path, kept = folder / written, self._base_dir / FOLDER / written
        return kept if not _is_there(path) and _is_there(kept) else path


def is_closed(mistake: Problem) -> bool:
    """Whether a mistake is only that this user may not read what the service is given."""
    return isinstance(mistake.cause, ClosedCredentialError)


def _is_there(path: Path) -> bool:
    """Whether there is such a file, as far as this user may know."""
    try:
        return path.exists()
    except OSError:
        return False


def _forgive(document: Document, loc: Loc, value: Node, unknown: str) -> None:
    """Something in place of a secret that is not known here: another one for each that is written."""
    place = document.place(loc)
    left = [
        each
        for each in document.problems
        if each.place != place or not isinstance(each.cause, UnsetVariableError)
    ]
    if len(left) < len(document.problems):
        document.problems[:] = left
        value.value, value.faulty = f"{unknown}{value.text}", False


def _read_secret(path: Path) -> str:
    """The text of a secret's file without its last newline; InputError says what is wrong with the file."""
    try:
        raw = first_bytes(path, MAX_SECRET_BYTES + 1, PATIENCE)
        text = raw.decode()
    except FileNotFoundError:
        raise InputError(
            f"there is no file {path}", "a relative path starts at the configuration file"
        ) from None
    except TimeoutError as error:
        remedy = "see who should write into it, or name a file that holds the secret"
        raise InputError(f"the pipe {path} cannot be read: {error.strerror}", remedy) from None
    except UnicodeDecodeError:
        raise InputError(
            f"the file {path} is not text", "it should hold the secret and nothing else"
        ) from None
    except OSError as error:
        raise InputError(
            f"the file {path} cannot be read: {error.strerror}", "check its owner and mode"
        ) from None
    if len(raw) > MAX_SECRET_BYTES:
        raise InputError(
            f"the file {path} is too large for a secret", "it should hold the secret and nothing else"
        )
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise InputError(f"the file {path} is empty", "write the secret into it")
    return text
