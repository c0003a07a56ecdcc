"""Variables, files with secrets, and systemd credentials."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.config.given import ENV, KEY, KINDS, SOUND, load, mistakes, write
from tests.configured import load_settings
from watcher.config import environment
from watcher.config.environment import is_closed
from watcher.config.settings import read_settings
from watcher.domain.values.errors import ConfigurationError
from watcher.sources.coinstats.settings import CoinStatsSettings

VARIABLE = '"${COINSTATS_API_KEY}"'
NO_KEY = {"HOOK": "h"}


def key_of(folder: Path, written: str, env: dict[str, str]) -> str:
    source = load(folder, SOUND.replace(f"api_key: {VARIABLE}", written), {**ENV, **env}).sources["coinstats"]
    assert isinstance(source, CoinStatsSettings)
    return source.api_key.get_secret_value()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A}", "alpha"),
        ('"${A}"', "alpha"),
        ("${A}-${B}", "alpha-42"),
        ("${B}", "42"),
        ("${NONE:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${A:-other}", "alpha"),
        ('"${NONE:-}x"', "x"),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("$A", "$A"),
        ("a$", "a$"),
        ("${NESTED}", "${A}"),
        ("4711", "4711"),
    ],
)
def test_a_variable_is_put_in_once(tmp_path: Path, written: str, meant: str) -> None:
    env = {"A": "alpha", "B": "42", "EMPTY": "", "NESTED": "${A}"}

    assert key_of(tmp_path, f"api_key: {written}", env) == meant


def test_a_number_may_come_from_a_variable(tmp_path: Path) -> None:
    text = SOUND.replace(
        f"{VARIABLE}", f"{VARIABLE}\n    credits: {{limit: '${{LIMIT}}', resets_on: '${{DAY:-7}}'}}"
    )

    source = load(tmp_path, text, {**ENV, "LIMIT": "500"}).sources["coinstats"]

    assert isinstance(source, CoinStatsSettings)
    assert (source.credits.limit, source.credits.resets_on) == (500, 7)


def test_a_variable_in_brackets_needs_quotes_and_is_told_so(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, SOUND.replace("api_key: key-for-teos", "api_key: ${KEY}"))

    assert "${…}" in problem.remedy


def test_a_variable_cannot_bring_yaml_with_it(tmp_path: Path) -> None:
    assert key_of(tmp_path, "api_key: ${A}", {"A": "x}#{y:"}) == "x}#{y:"


@pytest.mark.parametrize("written", ["${GONE}", "${", "${A", "${A B}", "${1A}", "${}"])
def test_a_variable_that_is_not_set_is_told_once_with_its_place(tmp_path: Path, written: str) -> None:
    text = SOUND.replace(VARIABLE, f'"{written}"')

    (problem,) = mistakes(tmp_path, text)

    assert problem.where == f"{tmp_path}/watcher.yaml:6:14"
    assert problem.remedy


def test_a_file_holds_the_secret_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")

    assert key_of(tmp_path, "api_key_file: key", {}) == "from-a-file"
    assert key_of(tmp_path, f"api_key_file: {tmp_path}/key", {}) == "from-a-file"
    assert key_of(tmp_path, "api_key_file: '${DIR}/key'", {"DIR": str(tmp_path)}) == "from-a-file"


def test_a_url_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("json://127.0.0.1:9/abc\r\n")
    text = SOUND.replace('{url: "json://127.0.0.1:9/${HOOK}"}', "{url_file: hook}")

    url = load(tmp_path, text).channels["ops"].model_dump()["url"]

    assert url.get_secret_value() == "json://127.0.0.1:9/abc"


def test_a_credential_of_systemd_stands_in_for_a_variable(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "TOKEN").write_text("from-systemd\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}

    assert key_of(tmp_path, "api_key: ${TOKEN}", env) == "from-systemd"
    assert key_of(tmp_path, "api_key: ${TOKEN:-default}", env) == "from-systemd"
    assert key_of(tmp_path, "api_key: ${TOKEN}", {**env, "TOKEN": "from-env"}) == "from-env"
    assert key_of(tmp_path, "api_key_file: TOKEN", env) == "from-systemd"


def test_a_credential_goes_before_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "key").write_text("from-systemd\n")
    (tmp_path / "key").write_text("beside\n")
    (tmp_path / "only-here").write_text("here\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}

    assert key_of(tmp_path, "api_key_file: key", env) == "from-systemd"
    assert key_of(tmp_path, "api_key_file: only-here", env) == "here"


def test_a_path_cannot_climb_out_of_the_credentials(tmp_path: Path) -> None:
    for folder in ("run/credentials", "etc/here"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "run" / "key").write_text("not-a-credential\n")
    (tmp_path / "etc" / "key").write_text("beside\n")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / "run/credentials")}

    assert key_of(tmp_path / "etc/here", "api_key_file: ../key", env) == "beside"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is not text"),
        (b"x" * 70_000, "too large"),
        ("folder", "cannot be read"),
    ],
)
def test_a_file_without_a_usable_secret_is_told_once(
    tmp_path: Path, content: bytes | str | None, said: str
) -> None:
    if isinstance(content, bytes):
        (tmp_path / "key").write_bytes(content)
    elif content is not None:
        (tmp_path / "key").mkdir()

    (problem,) = mistakes(tmp_path, SOUND.replace(f"api_key: {VARIABLE}", "api_key_file: key"))

    assert said in problem.what
    assert problem.remedy
    assert problem.where == f"{tmp_path}/watcher.yaml:6:19"


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    unreadable = "/proc/self/mem"  # for root too: its first page is not mapped

    (problem,) = mistakes(tmp_path, SOUND.replace(f"api_key: {VARIABLE}", f"api_key_file: {unreadable}"))

    assert "cannot be read" in problem.what


def test_an_empty_or_unreadable_credential_is_told(tmp_path: Path) -> None:
    (tmp_path / "COINSTATS_API_KEY").write_text("")

    (problem,) = mistakes(tmp_path, SOUND, {**NO_KEY, "CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert "is empty" in problem.what


def test_a_variable_is_read_from_the_folder_of_credentials_beside_the_configuration(tmp_path: Path) -> None:
    """What systemd loads for the service is what root finds there."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "TOKEN").write_text("beside\n")
    loaded = tmp_path / "loaded"
    loaded.mkdir()

    assert key_of(tmp_path, "api_key: ${TOKEN}", {}) == "beside"
    assert key_of(tmp_path, "api_key: ${TOKEN:-default}", {}) == "beside"
    assert key_of(tmp_path, "api_key_file: TOKEN", {}) == "beside"
    (loaded / "watcher_TOKEN").write_text("from-systemd\n")  # as LoadCredential=watcher:FOLDER names it
    env = {"CREDENTIALS_DIRECTORY": str(loaded)}
    assert key_of(tmp_path, "api_key: ${TOKEN}", env) == "from-systemd"
    assert key_of(tmp_path, "api_key_file: TOKEN", env) == "from-systemd"


@contextmanager
def somebody_else() -> Iterator[Path]:
    """A folder that all may read, while this process is a user without rights."""
    with tempfile.TemporaryDirectory(prefix="watcher-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """While nobody but its owner may look into a folder, and that we are not."""
    folder.chmod(0o700 if os.geteuid() == 0 else 0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(0)
        folder.chmod(0o700)


def test_a_credential_that_may_not_be_read_is_called_that() -> None:
    with somebody_else() as here:
        (here / "given").mkdir()
        (here / "given" / "COINSTATS_API_KEY").write_text("key\n")
        path = write(here, SOUND)
        load_settings(path, ENV, KINDS)
        with closed(here / "given"):
            env = {**NO_KEY, "CREDENTIALS_DIRECTORY": str(here / "given")}
            with pytest.raises(ConfigurationError) as raised:
                load_settings(path, env, KINDS)
    (problem,) = raised.value.problems
    assert problem.what.startswith("the credential COINSTATS_API_KEY may not be read: Permission denied")
    assert problem.where == f"{here}/watcher.yaml:6:14"
    assert "root" in problem.remedy
    assert is_closed(problem)


def test_who_may_not_look_into_the_credentials_is_told_to_be_root() -> None:
    with somebody_else() as here:
        (here / "credentials").mkdir()
        (here / "credentials" / "COINSTATS_API_KEY").write_text("key\n")
        path = write(here, SOUND)
        load_settings(path, ENV, KINDS)
        with closed(here / "credentials"), pytest.raises(ConfigurationError) as raised:
            load_settings(path, NO_KEY, KINDS)
    (problem,) = raised.value.problems
    assert problem.what == "the variable COINSTATS_API_KEY is not set"
    assert f"{here}/credentials" in problem.remedy
    assert "sudo" in problem.remedy


def test_only_secrets_have_files(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, SOUND.replace("every: 1m", "every_file: x"))

    assert "unknown key 'every_file'" in problem.what


@pytest.mark.parametrize("secret", ["hunter2", "Tr0ub4dor", "password", "sK_live"])
@pytest.mark.parametrize("secrets", [True, False])
def test_a_secret_that_was_written_as_a_variable_is_not_shown(
    tmp_path: Path, secret: str, *, secrets: bool
) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text(SOUND.replace("${COINSTATS_API_KEY}", f"${{{secret}}}"))
    draft = read_settings(path, ENV, KINDS, secrets=secrets)
    said = "\n".join(map(str, draft.problems))
    assert secret not in said.replace(str(tmp_path), "")
    assert ("is not set; its name is not in capitals" in said) is secrets


def piped(folder: Path) -> str:
    """A configuration whose key comes from a pipe."""
    os.mkfifo(folder / "pipe")
    return SOUND.replace('api_key: "${COINSTATS_API_KEY}"', "api_key_file: pipe")


def test_a_pipe_that_nobody_writes_into_is_a_mistake_and_no_end_of_all_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PATIENCE", 0.05)
    (problem,) = mistakes(tmp_path, piped(tmp_path))
    assert problem.what == f"the pipe {tmp_path}/pipe cannot be read: nothing came within 0.05 s"


@pytest.mark.parametrize("pieces", [[KEY], [KEY[:4], KEY[4:], "\n"]])
def test_a_key_may_come_through_a_pipe(tmp_path: Path, pieces: list[str]) -> None:
    text = piped(tmp_path)

    def write() -> None:
        with (tmp_path / "pipe").open("w") as pipe:
            for piece in pieces:
                pipe.write(piece)
                pipe.flush()

    writer = threading.Thread(target=write)
    writer.start()
    source = load(tmp_path, text).sources["coinstats"]
    writer.join()
    assert source.access_key() == KEY


def test_a_key_may_come_from_a_descriptor_as_shells_hand_it_over(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, KEY.encode())
    os.close(writing)
    try:
        text = SOUND.replace('api_key: "${COINSTATS_API_KEY}"', f"api_key_file: /dev/fd/{reading}")
        assert load(tmp_path, text).sources["coinstats"].access_key() == KEY
    finally:
        os.close(reading)


def test_a_device_that_never_ends_is_too_large_for_a_secret(tmp_path: Path) -> None:
    text = SOUND.replace('api_key: "${COINSTATS_API_KEY}"', "api_key_file: /dev/zero")
    (problem,) = mistakes(tmp_path, text)
    assert problem.what == "the file /dev/zero is too large for a secret"
