"""Every name that the configuration takes has links that work, whatever signs it holds."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.given import CONFIG, serving
from watcher.web.addresses import name_in, path_part

ODD = [
    *("..", ".", "...", "a/b", "/", "//", "/etc/passwd", "a/../b", "../../outbox", "a\\b", "%", "%2F"),
    *("a.csv", ".csv", "x.csv/history", "history", "a?b=c#d", "~", "~2F", "{x}", "{name:.+}", "%2e%2e"),
    *("a b", "a+b", "a;b", "a&b", "<b>", '"', "'", "späre", "金庫", "خزانه", "x" * 100, "\N{FIRE}"),
]
SIGNS = st.one_of(
    st.sampled_from("/.%~{}\\?#&;+ <>\"'@:=,|^`$!*()[]-_aA0é金"),
    st.characters(categories=("L", "M", "N", "P", "S")),
)
NAMES = st.text(SIGNS, min_size=1, max_size=30).map(lambda text: unicodedata.normalize("NFC", text))


def is_taken(name: str) -> bool:
    return bool(name) and name == name.strip() and name.isprintable() and len(name) <= 100


@given(st.text())
def test_a_name_comes_out_of_its_part_of_a_path_as_it_went_in(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    part = path_part(name)
    assert name_in(unquote(part)) == name
    # Neither a browser nor a proxy makes another path of it.
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", part)
    assert not re.search(r"%(2F|2E|5C|25|7B|7D|7E)", part)
    assert part not in (".", "..")
    assert not name or urlsplit(urljoin("http://h/wallets/", f"/wallets/{part}")).path == f"/wallets/{part}"
    assert not part.endswith(".csv")


async def check(folder: Path, names: list[str], base: str) -> None:
    """Follow the links to each of these wallets, through real HTTP."""
    wallets = [
        {"name": name, "source": "coinstats", "address": f"0x{number:040x}", "chains": ["ethereum"]}
        for number, name in enumerate(names, 1)
    ]
    head, _, rest = CONFIG.partition("wallets:")
    config = (
        f"{head}wallets: {json.dumps(wallets, ensure_ascii=False)}\nchannels:{rest.partition('channels:')[2]}"
    )
    more = {"url": f"https://watch.example.org{base}"} if base else {}
    async with serving(folder, config=config, more=more) as page:
        for reached in dict.fromkeys((base, "")):  # a proxy hands the path on, or takes it away
            _, text, _ = await page.get(f"{reached}/wallets")
            links = {html.unescape(each) for each in re.findall(r'href="([^"]*/wallets/[^"?]+)"', text)}
            assert len(links) == len(names)
            shown = set()
            for link in links:
                assert link.startswith(f"{base}/wallets/")
                status, text, _ = await page.get(reached + link.removeprefix(base))
                assert status == 200, link
                (title,) = re.findall(r"<h1>(.*?)</h1>", text)
                shown.add(html.unescape(title))
            assert shown == set(names)


@pytest.mark.parametrize("base", ["", "/watcher"])
async def test_odd_names_have_links_that_work(tmp_path: Path, base: str) -> None:
    await check(tmp_path, [name for name in ODD if is_taken(name)], base)


@settings(max_examples=10, deadline=None)
@given(
    names=st.lists(NAMES.filter(is_taken), min_size=1, max_size=15, unique=True),
    base=st.sampled_from(["", "/a/b"]),
)
async def test_any_names_have_links_that_work(names: list[str], base: str) -> None:
    with TemporaryDirectory() as folder:
        await check(Path(folder), names, base)


def test_every_template_writes_names_in_paths_as_such_parts() -> None:
    found = 0
    for template in (files("watcher.web") / "templates").iterdir():
        for part in re.findall(r"/(?:wallets|rules|assets|tags)/\{\{([^}]*)\}\}", template.read_text()):
            assert part.rstrip().endswith("| part"), f"{template.name}: {part}"
            found += 1
    assert found > 5
