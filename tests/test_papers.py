"""What the papers name is there: files, links with their headings, targets of make, modules to run."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests import site
from tests.config.given import SOUND
from tests.domain.given import ETH, HOT, World, reading
from tests.domain.rules.test_types import missing
from watcher.config.settings import read_settings
from watcher.domain import rules
from watcher.domain.values.normalization import address_key
from watcher.hints import KINDS as HINT_KINDS
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.hints import Hint, HintGap, HintSourceError, Where
from watcher.service.clock import SystemClock

ROOT = Path(__file__).parent.parent
FILES = r"\]\((?!https?:)([^)#\s]+)"
PAPERS = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))


def words(path: Path) -> str:
    """The text without blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))


def headings(path: Path) -> set[str]:
    """The anchors of a page, as code hosts make them, and those that are written out."""
    found = re.findall(r"(?m)^#+ (.*)$", words(path))
    made = {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in found}
    return made | set(re.findall(r'<a id="([^"]+)">', words(path)))


def of_papers(pattern: str) -> list[tuple[str, str]]:
    """Which paper says what, of all that matches."""
    said = ((path, found) for path in PAPERS for found in re.findall(pattern, words(path)))
    return sorted({(str(path.relative_to(ROOT)), found) for path, found in said})


@pytest.mark.parametrize(("paper", "link"), of_papers(r"\]\((?!https?:)([^)\s]+)\)"))
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(paper: str, link: str) -> None:
    name, _, anchor = link.partition("#")
    page = (ROOT / paper).parent / name if name else ROOT / paper
    assert page.exists()
    assert not anchor or anchor in headings(page)


def test_a_page_of_the_documentation_links_to_nothing_outside_of_it() -> None:
    """Else a link that works on a code host is dead in the built site."""
    docs = ROOT / "docs"
    inside = [(ROOT / paper, link) for paper, link in of_papers(FILES) if paper.startswith("docs/")]
    assert inside
    assert [link for page, link in inside if not (page.parent / link).resolve().is_relative_to(docs)] == []


def test_each_page_of_the_documentation_has_its_place_in_the_navigation() -> None:
    class Plain(yaml.SafeLoader):
        """The configuration of the site, without making what its tags name."""

    Plain.add_multi_constructor("", lambda *_: None)

    def pages(entries: list[Any]) -> Iterator[str]:
        for entry in entries:
            for each in entry.values() if isinstance(entry, dict) else (entry,):
                yield from pages(each) if isinstance(each, list) else (each,)

    configuration = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Plain)  # noqa: S506
    shown = list(pages(configuration["nav"]))
    assert sorted(shown) == sorted(
        str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")
    )


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "//fonts.example/x.css"),
        ("<style>@font-face {src: url('https://fonts.example/x')}</style>", "https://fonts.example/x"),
        ('<pre class="mermaid">', "a diagram of mermaid, whose script the theme loads"),
        ('<a href="https://example.org">read on</a><img src="pictures/page.png">', None),
    ],
)
def test_a_built_page_that_loads_from_elsewhere_is_found(tmp_path: Path, page: str, told: str | None) -> None:
    (tmp_path / "index.html").write_text(page)
    assert list(site.loads(tmp_path)) == ([f"index.html: {told}"] if told else [])


@pytest.mark.parametrize(("paper", "name"), of_papers(r"`((?:tests|watcher|benchmarks)/[\w./-]+)`"))
def test_a_file_that_a_paper_names_is_there(paper: str, name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize(("paper", "target"), of_papers(r"`make ([a-z-]+)"))
def test_a_target_that_a_paper_names_is_one(paper: str, target: str) -> None:
    assert re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("paper", "module"), of_papers(r"python -m ((?:tests|watcher|benchmarks)[\w.]*\w)"))
def test_a_module_that_a_paper_runs_is_there(paper: str, module: str) -> None:
    assert find_spec(module)


def test_the_rule_type_that_the_guide_shows_works_and_its_tests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    shown, _, tests, _ = re.findall(r"(?ms)^```python\n(.*?)^```", guide)
    band = ModuleType("watcher.domain.rules.types.band")
    monkeypatch.setitem(sys.modules, band.__name__, band)
    exec(shown, vars(band))  # noqa: S102
    monkeypatch.setattr(rules, "BandRule", vars(band)["BandRule"], raising=False)
    found: dict[str, object] = {}
    exec(tests, found)  # noqa: S102
    run = [each() for name, each in found.items() if name.startswith("test_") and callable(each)]
    assert len(run) == tests.count("def test_")


def test_the_trailing_rule_that_the_guide_shows_is_whole_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    idle = ModuleType("watcher.domain.rules.types.idle")
    monkeypatch.setitem(sys.modules, idle.__name__, idle)
    exec(re.findall(r"(?ms)^```python\n(.*?)^```", guide)[1], vars(idle))  # noqa: S102
    rule: type[rules.Rule] = vars(idle)["IdleRule"]
    assert missing(rule) == []
    world = World(rule.model_validate({"id": "idle", "longer_than": "1h"}))
    half = timedelta(minutes=30)
    told = [world.see(reading(HOT, {ETH: amount}), after=half) for amount in ("1", "1", "1", "1", "2", "2")]
    assert told == [[], [], ["idle firing"], [], ["idle resolved"], []]


async def test_the_hint_source_that_the_guide_shows_listens_and_says_why_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guide = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    lines = ModuleType("watcher.hints.lines")
    monkeypatch.setitem(sys.modules, lines.__name__, lines)
    exec(re.findall(r"(?ms)^```python\n(.*?)^```", guide)[3], vars(lines))  # noqa: S102

    async def program(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"0xABCdef0000000000000000000000000000000001\n")
        writer.close()

    server = await asyncio.start_server(program, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        kind: HintKind = vars(lines)["LinesHints"].model_validate({"kind": "lines", "port": port})
        source = kind.build(HintContext("program", (HOT,), SystemClock()))
        listening = source.listen()
        told = [await anext(listening), await anext(listening)]
        with pytest.raises(HintSourceError, match="hung up"):
            await anext(listening)
    where = Where("", address_key("0xABCdef0000000000000000000000000000000001"))
    assert told == [HintGap(None, "it says nothing twice"), Hint(where, "")]
    with pytest.raises(HintSourceError, match="cannot be reached"):
        await anext(aiter(source.listen()))


def test_the_hints_that_the_papers_show_are_sound(tmp_path: Path) -> None:
    paths = [ROOT / "README.md", *(ROOT / "docs" / "hints").glob("*.md")]
    papers = "".join(path.read_text(encoding="utf-8") for path in paths)
    shown = set()
    for block in re.findall(r"(?ms)^```yaml\n(hints:\n.*?)^```", papers):
        path = tmp_path / "watcher.yaml"
        path.write_text(SOUND + block)
        found = read_settings(path, {}, secrets=False)
        assert found.problems == []
        assert found.settings is not None
        shown |= {each.model_dump()["kind"] for each in found.settings.hints.values()}
    assert shown == set(HINT_KINDS)
