"""The systemd unit for a configuration: the one that ships, with the paths of this installation."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from watcher.config.environment import FOLDER
from watcher.domain.values.errors import WatcherError

NAME = "watcher.service"
HOME, STATE, UNITS = Path("/etc/watcher"), Path("/var/lib/watcher"), Path("/etc/systemd/system")
_PROGRAM, _MANUAL = "/opt/watcher/bin/watcher", "file:///opt/watcher/share/doc/watcher/README.md"
"""What the unit that ships says."""
_PACKAGED = Path("/usr/lib/systemd/system")
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # nosec B108
_MEANT = re.compile(r"(?m)^(?:ExecStart|LoadCredential)=.*")
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


class ServiceError(WatcherError):
    """Reasons why no service can be made of this installation, or not by this user."""


def service_unit(folder: Path, units: Path = UNITS) -> dict[Path, str]:
    """Path → text of the unit that runs the configuration in `folder`; nothing if one that fits is there.

    ServiceError where the service could not see what it needs, or this user may not write.
    """
    program = Path(sys.prefix) / "bin/watcher"
    wrong = [
        *_hidden(program, "install it elsewhere, such as below /opt"),
        *_hidden(Path(sys.base_prefix), "install it with the system's Python, such as /usr/bin/python3"),
        *_hidden(folder, f"let it write into {HOME}"),
        *(line for place in (folder, units) for line in _closed(place)),
    ]
    if wrong:
        raise ServiceError("\n".join(dict.fromkeys(wrong)))
    text = _text(program, folder)
    if any(_fits(place / NAME, text) for place in (_PACKAGED, units)):
        return {}
    return {units / NAME: text}


def unset(config: str, folder: Path) -> list[str]:
    """Variables that a configuration needs and for which no file is in the folder of credentials."""
    names = _VARIABLE.findall(re.sub(r"(?m)(^|\s)#.*", "", config))
    return [name for name in dict.fromkeys(names) if not (folder / FOLDER / name).exists()]


def _hidden(path: Path, remedy: str) -> Iterator[str]:
    """What is wrong with a path that the unit hides from the service, or that a unit file cannot name."""
    for hidden in _HIDDEN:
        if path.is_relative_to(hidden) or Path(os.path.realpath(path)).is_relative_to(hidden):
            yield f"{path} is below {hidden}, where the service sees nothing; {remedy}"
    if not re.fullmatch(r"[\w/.,:@+~-]+", str(path)):
        yield f"{path} has a sign that a unit file does not take; {remedy}"


def _closed(folder: Path) -> Iterator[str]:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(there, os.W_OK, effective_ids=True):
        yield f"this user may not write into {there}; run it as root: sudo watcher init --systemd"


def _fits(unit: Path, text: str) -> bool:
    """Whether a unit that is there starts the same program with the same configuration and keys."""
    try:
        there = unit.read_text(encoding="utf-8")
    except OSError:
        return False
    return _MEANT.findall(there) == _MEANT.findall(text)


def _text(program: Path, folder: Path) -> str:
    text = (files("watcher") / "units" / NAME).read_text(encoding="utf-8")
    manual = Path(sys.prefix) / "share/doc/watcher/README.md"
    if manual.exists():
        text = text.replace(_MANUAL, f"file://{manual}")
    else:
        text = re.sub(r"(?m)^Documentation=.*\n", "", text)
    if folder != HOME:
        text = text.replace("ConfigurationDirectory=watcher\n", "").replace(str(HOME), str(folder))
    return text.replace(_PROGRAM, str(program))
