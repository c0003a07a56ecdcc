"""Files and folders that we make: never through a link, and never root's in a folder of somebody else."""

from __future__ import annotations

import errno
import os
import pwd
import select
import shlex
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from watcher.domain.values.errors import InputError

PRIVATE, SHARED = 0o600, 0o644
"""For the owner alone; and for all to read. Whatever the umask, nobody else may write."""


def opened(path: Path, flags: int = os.O_RDWR, mode: int = PRIVATE) -> int:
    """A descriptor of a file, which is made if it is not there; with O_EXCL it must not be there.

    OSError for a symbolic link: a folder may belong to somebody who would lead root to another file.
    """
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        try:
            return os.open(path, flags | os.O_CREAT, mode)
        except OSError as error:
            if error.errno == errno.ELOOP:
                error.strerror = "is a symbolic link, and is not followed; remove it"
            raise
    try:
        _hand_over(descriptor, path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def first_bytes(path: Path, most: int, patience: float) -> bytes:
    """First bytes of a file, a pipe or a terminal: all of it, or `most`.

    TimeoutError if it is a pipe or a terminal from which nothing comes for `patience` seconds: whoever opens
    a pipe that nobody writes into would wait for ever.
    """
    with open(path, "rb", buffering=0, opener=_at_once) as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file.read(most)
        waiting, found = select.poll(), b""
        waiting.register(file, select.POLLIN)
        while len(found) < most:
            if not waiting.poll(patience * 1000):
                raise TimeoutError(errno.ETIMEDOUT, f"nothing came within {patience:g} s")
            piece = file.read(most - len(found))
            if not piece:
                break
            found += piece
        return found


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def text_file(path: Path, *, mode: int = SHARED, new: bool = False) -> IO[str]:
    """A file to write text into, of which nothing is left; `new`: it must not be there.

    A link is followed if whoever runs this made it, or root: `/dev/stdout` is one.
    """
    if not new and follows(path):
        return path.open("w", encoding="utf-8", newline="")
    flags = os.O_WRONLY | (os.O_EXCL if new else os.O_TRUNC)
    return os.fdopen(opened(path, flags, mode), "w", encoding="utf-8", newline="")


def write_new(path: Path, text: str, *, mode: int = SHARED) -> None:
    """A file that is there with all its text or not at all. FileExistsError if something is there already."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(opened(draft, os.O_WRONLY | os.O_EXCL, mode), "w", encoding="utf-8", newline="") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            try:
                os.link(draft, path)  # unlike a rename it replaces nothing
            except PermissionError:  # a file system without links
                with text_file(path, mode=mode, new=True) as whole:
                    whole.write(text)
        finally:
            draft.unlink()


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder and those around it, where they are missing; `mode`: of the folder itself."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=mode if each == path else 0o755)
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _hand_over(descriptor, each.parent)
            finally:
                os.close(descriptor)
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def follows(path: Path) -> bool:
    """Whether a symbolic link stands here that root made, or whoever runs this."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode) and found.st_uid in (0, os.geteuid())


def _hand_over(descriptor: int, folder: Path) -> None:
    """What root makes belongs to the owner of the folder: a service would have no access to it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        if owner.st_uid:
            with suppress(PermissionError):  # a root that may not do this, as in some containers
                os.fchown(descriptor, owner.st_uid, owner.st_gid)


def whose(path: Path) -> str:
    """Why a file, or one of those beside it that belong to it, is closed to us, and the remedy.

    Empty if nothing of that kind is in the way.
    """
    try:
        owner = path.parent.stat()
    except OSError:
        return ""
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", ".lock")), path.parent):
        try:
            found = each.stat()
        except OSError:
            continue
        wanted = os.W_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else os.R_OK)
        if os.access(each, wanted, effective_ids=True):
            continue
        name, us = _user(found.st_uid), _user(os.geteuid())
        if os.statvfs(each).f_flag & os.ST_RDONLY:
            return f"{each} is on a file system that is mounted read-only; mount it for writing"
        if found.st_uid == os.geteuid():
            need = "rwx" if stat.S_ISDIR(found.st_mode) else "rw"
            return f"{each} is closed to its owner {us}; `chmod u+{need} {shlex.quote(str(each))}` opens it"
        if found.st_uid == owner.st_uid:
            return f"{each} belongs to {name}, and this is run by {us}; run it as {name} (sudo -u {name} …)"
        files = f"{shlex.quote(str(path))}*"
        remedy = f"`sudo chown {_user(owner.st_uid)}: {files}` gives it to the owner of the folder"
        return f"{each} belongs to {name}, and this is run by {us}; {remedy}"
    return ""


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def matching(base: Path, pattern: str) -> list[Path]:
    """The files that a pattern means, as seen from `base`. ValueError if it would look through the system."""
    path = base / pattern
    if path.is_file():
        return [path]
    if path.is_dir():
        return []
    # Only what was written is a pattern: the folder of the configuration may contain a bracket.
    written = Path(pattern)
    if "**" in written.parts and (written.anchor or ".." in written.parts or written.parts[0] == "**"):
        raise InputError("'**' needs a folder's name before it, as in rules/**/*.yaml")
    if any("**" in part and part != "**" for part in written.parts):
        raise ValueError("'**' is a whole part of a pattern")  # Python 3.13 takes it for '*'
    root, below = (
        (Path(written.anchor), str(written)[len(written.anchor) :]) if written.anchor else (base, pattern)
    )
    return sorted(each for each in root.glob(below) if each.is_file() and not each.name.startswith("."))
