"""Pictures go with alerts, and never cost one: not its delivery, and no more than two seconds of its time."""

from __future__ import annotations

import base64
import io
import re
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from apprise.plugins.telegram import NotifyTelegram
from PIL import Image
from pydantic import SecretStr

from tests.charts.test_chart import CONFIG, outage
from tests.contract.given import ETH, HOT, after
from tests.endtoend.bench import EVM, Installation, installation
from tests.notify.given import PICTURE
from tests.store.given import opened
from watcher.charts import attachments
from watcher.charts.attachments import LIMIT, MOST_AT_ONCE, Painter, painter
from watcher.charts.axes import time_ticks
from watcher.charts.plot import CLEARS, Frame, Plot, Ruler
from watcher.charts.png import HEIGHT, WIDTH, png
from watcher.config.configuration import build_rules, configure
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.messages.delivery import Delivery, Sent
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.domain.messages.presentation import Display, localised
from watcher.domain.model import subject_key
from watcher.domain.records import replace
from watcher.domain.values.formatting import amount, moment
from watcher.notify.apprise.channel import AppriseChannel
from watcher.notify.notice import notice
from watcher.ports.channel import Attachment, Presentation

RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ethereum]}, below: "4", severity: critical}
"""
AT = after(minutes=80)


def told(kind: Kind = Kind.FIRING, subject: str = subject_key(HOT, ETH)) -> Delivery:
    message = Message("a1", kind, Severity.CRITICAL, "low", subject, "hot", "hot: ETH is below 4", (), AT)
    return Delivery("d1", "ops", message, AT, AT)


async def history(folder: Path) -> None:
    """Five for twenty minutes, an outage, then three."""
    async with opened(folder / "watcher.db") as store:
        await outage(store)
    channel = 'channels: {ops: {url: "json://127.0.0.1:9/x", pictures: true}}\n'
    (folder / "watcher.yaml").write_text(CONFIG + "rules: [rules.yaml]\n" + channel)
    (folder / "rules.yaml").write_text(RULES)


def built(folder: Path, draw: object = None) -> Painter:
    configuration = configure(folder / "watcher.yaml", {})
    store = configuration.settings.backend
    return Painter(configuration.settings, build_rules(configuration), store, draw)  # type: ignore[arg-type]


async def test_an_alert_is_drawn_with_its_week_its_level_and_its_gap(tmp_path: Path) -> None:
    await history(tmp_path)
    seen: list[Plot] = []

    def draw(picture: Plot) -> bytes:
        seen.append(picture)
        return png(picture)

    (drawn,) = built(tmp_path, draw)([told()])
    assert (drawn.name, drawn.mime) == ("chart-1.png", "image/png")
    image = Image.open(io.BytesIO(drawn.content))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    assert len(drawn.content) < 60_000
    (picture,) = seen
    assert [ruler.value for ruler in picture.rulers] == [Decimal(4)]
    assert [mark.at for mark in picture.marks] == [AT]
    assert [piece[0].value for piece in picture.segments] == [Decimal(5), Decimal(3)]
    assert picture.gaps == (Gap(after(minutes=20), AT),)
    assert picture.since == after(minutes=0)


async def test_the_times_of_a_picture_are_those_of_the_message_and_say_their_zone(tmp_path: Path) -> None:
    await history(tmp_path)
    seen: list[Plot] = []

    def draw(picture: Plot) -> bytes:
        seen.append(picture)
        return b""

    paint, about = built(tmp_path, draw), told()
    about = replace(about, message=replace(about.message, title=f"low since {moment(AT)}"))
    for zone in ("Europe/Zurich", "America/Sao_Paulo", "UTC"):
        paint([about], Display(localised(ZoneInfo(zone)), zone=ZoneInfo(zone)))
    assert [each.title.removeprefix("low since ") for each in seen] == [
        "10 Mar 2026, 14:20:00 CET", "10 Mar 2026, 10:20:00 UTC-03:00", "10 Mar 2026, 13:20:00 UTC",
    ]  # fmt: skip
    assert [Frame(each, 9).ends() for each in seen] == [
        ("13:00:00", "2026-03-10 14:21:37 CET"),
        ("09:00:00", "2026-03-10 10:21:37 UTC-03:00"),
        ("12:00:00", "2026-03-10 13:21:37 UTC"),
    ]


def test_a_picture_of_the_night_in_which_clocks_change_names_both_times() -> None:
    since, until = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC)
    zone = ZoneInfo("Europe/Zurich")
    found = Frame(Plot(since, until, [], "t", "b", zone=zone), 9)
    assert found.ends() == ("24 Oct 14:00 CEST", "2026-10-26 13:00:00 CET")
    days = [(at.astimezone(UTC).hour, text) for at, text in time_ticks(since, until, 5, zone)]
    assert days == [(22, "25 Oct"), (11, "12:00"), (23, "26 Oct"), (11, "12:00")]


async def test_a_level_far_from_the_curve_is_told_and_not_drawn(tmp_path: Path) -> None:
    await history(tmp_path)
    seen: list[Plot] = []

    def draw(picture: Plot) -> bytes:
        seen.append(picture)
        return png(picture)

    for condition in ('below: "4", clear_above: "4.5"', 'above: "1000"', 'metric: price_usd, below: "4"'):
        rule = f"rules:\n  - {{id: low, type: threshold, {condition}}}\n"
        (tmp_path / "rules.yaml").write_text(rule)
        assert len(built(tmp_path, draw)([told()])) == 1
    assert [[(str(ruler.value), ruler.kind) for ruler in each.rulers] for each in seen] == [
        [("4", "warning"), ("4.5", CLEARS)], [], [],
    ]  # fmt: skip
    assert "fires below 4, clears above 4.5" in seen[0].text
    assert "fires above 1,000; too far to be drawn" in seen[1].text
    assert "fires" not in seen[2].text


async def test_a_message_that_is_about_no_holding_has_no_picture(tmp_path: Path) -> None:
    await history(tmp_path)
    paint = built(tmp_path)
    assert paint([told(Kind.TEST)]) == []
    assert paint([told(subject="coinstats")]) == []
    assert paint([told(subject=subject_key(HOT, ETH) + "x")]) == []


async def test_a_drawing_that_fails_costs_the_picture_only(tmp_path: Path) -> None:
    await history(tmp_path)

    def broken(_: Plot) -> bytes:
        raise MemoryError

    assert built(tmp_path, broken)([told()]) == []


async def test_a_drawing_that_hangs_is_left_after_two_seconds_and_too_many_are_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LIMIT <= 2
    monkeypatch.setattr(attachments, "LIMIT", 0.2)
    await history(tmp_path)
    release, begun = threading.Event(), []

    def hanging(picture: Plot) -> bytes:
        begun.append(picture)
        release.wait(30)
        return b"late"

    paint = built(tmp_path, hanging)
    try:
        for _ in range(MOST_AT_ONCE):
            start = time.monotonic()
            assert paint([told()]) == []
            assert time.monotonic() - start < 15, "it waits for a drawing, and not for as long as it hangs"
        assert len(begun) == MOST_AT_ONCE
        assert paint([told()]) == []
        assert len(begun) == MOST_AT_ONCE
    finally:
        release.set()


def test_a_picture_shows_where_nothing_was_read_and_never_a_line_across_it() -> None:
    start, end = after(minutes=0), after(minutes=90)
    pieces = [
        (Point(start, Decimal(1)), Point(after(minutes=30), Decimal(1))),
        (Point(after(minutes=60), Decimal(9)), Point(end, Decimal(9))),
    ]
    gap = [Gap(after(minutes=30), after(minutes=60))]
    drawn = png(Plot(start, end, pieces, "t", "b", gap, format_value=amount))
    image = Image.open(io.BytesIO(drawn)).convert("RGB")
    middle = [image.getpixel((430, y)) for y in range(70, 330)]
    assert not any(is_blue(pixel) for pixel in middle)
    assert any(is_blue(image.getpixel((200, y))) for y in range(60, 360))
    assert any(is_blue(image.getpixel((700, y))) for y in range(60, 360))


def is_blue(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    red, _, blue = pixel
    return bool(blue > 150 and red < 100)


@pytest.mark.parametrize("values", [("0", "0"), ("1", "1"), ("0", "10" * 20), ("0.000000000000000001", "0")])
def test_amounts_of_any_size_can_be_drawn(values: tuple[str, str]) -> None:
    start, end = after(minutes=0), after(minutes=90)
    piece = tuple(Point(at, Decimal(v)) for at, v in zip((start, end), values, strict=True))
    level = Ruler(Decimal("1e30"), "critical", "", "")
    assert png(Plot(start, end, [piece], "−…≥ 金" * 40, "b", format_value=amount, rulers=[level]))


async def test_a_real_poll_sends_the_picture_with_the_alert(tmp_path: Path) -> None:
    async with installation(tmp_path) as there:
        await wants_pictures(there)
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.2")
        code, _, err = await there.verb("poll", "--wallet", "hot")
        assert code == 0, err
        alert = there.hook.about("eth-low")[0]
        (attached,) = alert["attachments"]
        assert attached["mimetype"] == "image/png"
        image = Image.open(io.BytesIO(base64.b64decode(attached["base64"])))
        assert image.size == (WIDTH, HEIGHT)


async def wants_pictures(there: Installation) -> None:
    code, _, err = await there.verb("poll")
    assert code == 0, err
    there.edit("watcher.yaml", 'url: "${HOOK_URL}"', 'url: "${HOOK_URL}", pictures: true')


async def test_without_the_extra_there_is_a_warning_and_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await history(tmp_path)
    assert configure(tmp_path / "watcher.yaml", {}).warnings == ()
    for module in ("watcher.charts.attachments", "watcher.config.configuration"):
        monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    configuration = configure(tmp_path / "watcher.yaml", {})
    assert painter(configuration, configuration.settings.backend) is None
    (warning,) = configuration.warnings
    assert "charts" in warning


async def test_a_service_without_attachments_is_named(tmp_path: Path) -> None:
    await history(tmp_path)
    path = tmp_path / "watcher.yaml"
    path.write_text(path.read_text().replace("json://127.0.0.1:9/x", "syslog://"))
    (warning,) = configure(path, {}).warnings
    assert "takes no attachments" in warning


async def test_what_was_not_taken_with_a_picture_goes_without_the_next_time(tmp_path: Path) -> None:
    asked: list[Sequence[Delivery]] = []

    def draw(deliveries: Sequence[Delivery]) -> list[Attachment]:
        asked.append(deliveries)
        return [Attachment("chart-1.png", "image/png", b"\x89PNG")]

    async with installation(tmp_path) as there:
        channel = AppriseChannel("ops", SecretStr(there.env["HOOK_URL"]), 10, shown=Presentation(draw))
        assert await channel.send([told()]) == Sent()
        assert await channel.send([replace(told(), attempts=1)]) == Sent()
        first, second = there.hook.received
    assert len(first["attachments"]) == 1
    assert not second.get("attachments")
    assert len(asked) == 1


async def test_a_drawing_of_a_long_history_takes_well_under_two_seconds() -> None:
    start = after(minutes=0)
    points = tuple(Point(start + timedelta(minutes=n), Decimal(n % 97)) for n in range(5000))
    end = points[-1].at
    began = time.thread_time()  # of this thread: a machine that is busy with other things is not our fault
    png(Plot(start, end, [points], "t", "b", format_value=amount))
    assert time.thread_time() - began < 2


def test_what_was_read_but_once_is_drawn() -> None:
    start, end = after(minutes=0), after(minutes=9)
    drawn = png(Plot(start, end, [(Point(end, Decimal(5)),)], "t", "b", format_value=amount))
    assert drawn.startswith(b"\x89PNG")


async def test_of_several_alerts_on_one_subject_the_gravest_names_the_picture(tmp_path: Path) -> None:
    await history(tmp_path)
    seen: list[Plot] = []
    minor = told(Kind.EVENT)
    minor = replace(minor, message=replace(minor.message, severity=Severity.WARNING, rule="x", title="moved"))

    def draw(picture: Plot) -> bytes:
        seen.append(picture)
        return b""

    built(tmp_path, draw)([minor, told()])
    assert [picture.title for picture in seen] == ["hot: ETH is below 4"]


async def test_pictures_stand_in_the_order_in_which_the_message_tells_of_them(tmp_path: Path) -> None:
    await history(tmp_path)
    seen: list[str] = []

    def draw(picture: Plot) -> bytes:
        seen.append(picture.title)
        return b""

    about = (subject_key(HOT), "wallet:hot", subject_key(HOT, ETH))
    told_now = []
    for number, (subject, gravity) in enumerate(zip(about, (1, 3, 2), strict=True)):
        kind = Kind.RESOLVED if gravity == 3 else Kind.FIRING
        worst = Particulars(gravity=Decimal(gravity))
        each = told(kind, subject)
        title, at = f"gravity {gravity}", AT - timedelta(minutes=number)
        message = replace(each.message, id=f"a{number}", title=title, particulars=worst, at=at)
        told_now.append(replace(each, id=f"d{number}", message=message))
    built(tmp_path, draw)(told_now)
    assert seen == [each.title for each in notice(told_now).entries]
    assert seen == ["gravity 2", "gravity 1", "gravity 3"]


def test_every_picture_of_the_readme_is_there_and_small() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"\((docs/pictures/[^)]+)\)", (root / "README.md").read_text())
    assert len(named) == 3
    for name in named:
        assert (root / name).stat().st_size < 150_000


async def test_telegram_gets_the_text_and_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.path.rpartition("/")[2], await request.read()))
        return web.json_response({"ok": True, "result": {}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{runner.addresses[0][1]}/bot")
        url = SecretStr("tgram://123456789:abcdefg_hijklmnop/12315544/")
        channel = AppriseChannel("ops", url, 10, shown=Presentation(lambda _: [PICTURE]))
        assert await channel.send([told()]) == Sent()
    finally:
        await runner.cleanup()
    everything = b"".join(body for _, body in seen)
    assert "sendPhoto" in [path for path, _ in seen]
    assert b"\x89PNG one" in everything
    assert b"ETH is below 4" in everything
