"""Photograph the mails of the product: `make pictures ARGS=messages`. Needs Chromium; takes three minutes.

A day on the simulated APIs is watched by the daemon, which sends mails to a server on this machine: a wallet
is drained of two coins, one runs low and is refilled, three hundred run low at once, and a report is due.
Each mail is shown as wide as on a desk and on a telephone, by day and by night; all lie in a temporary
folder, which is named at the end, and the drained wallet's in the documentation.
"""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope
from PIL import Image
from playwright.async_api import Browser, async_playwright

from watcher.app.build import build
from watcher.charts.attachments import painter
from watcher.cli._common import set_up_logging
from watcher.config.configuration import configure
from watcher.daemon.run import at_work
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.domain.values.periods import Period
from watcher.letters.writer import LetterWriter
from watcher.ports.letters import REPORT_RULE, Summary, subject_of
from watcher.sim import Simulation
from watcher.sim.sample import OPS, give
from watcher.sim.scenario import prepare

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "rules"
PLENTY = 10**9
PATIENCE = 150.0
WIDTHS, SCHEMES = (600, 390), ("light", "dark")
GAS = {f"gas-{number}": f"0x{0xA5 << 152 | number:040x}" for number in range(1, 301)}
MANY = 100
"""Wallets of one mail; what comes at once is told in mails of fewer at first."""
MOST_BYTES = 150_000

SENT = "from=watcher@example.org&to=treasurer@example.org"
CONFIG = """\
version: 1
store: {{kind: sqlite, path: watcher.db}}
sources:
  coinstats: {{kind: coinstats, api_key: "{key}", base_url: "{url}/coinstats", credits: {{limit: {limit}}},
    requests_per_second: 20}}
wallets:
  - {{name: operations, source: coinstats, address: "{ops}", chains: [binancesmartchain],
     tags: [hot, treasury], every: 2s}}
{gas}
channels:
  treasurer: {{url: "mailto://127.0.0.1:{port}/?{sent}", pictures: true}}
rules: [{rules}/hot-wallet.yaml, {rules}/treasury.yaml, {rules}/gas.yaml]
web: {{listen: "127.0.0.1:0", url: "https://watch.example.org", link_key: "made-for-pictures-only"}}
reports:
  every-day: {{every: daily, channels: [treasurer], wallets: [operations, "gas-?"]}}
display: {{timezone: Europe/Zurich, currency: CHF, rates: {{CHF: "0.8012"}}, rates_of: 2026-11-29}}
"""


class Inbox:
    """The far end of the channel: keeps the mails that arrive."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.arrived = asyncio.Condition()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = cast(bytes, envelope.content)
        async with self.arrived:
            self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
            self.arrived.notify_all()
        return "250 taken"

    async def has(self, wanted: Callable[[str], bool]) -> EmailMessage:
        """The first mail with such a subject, once there is one."""

        def found() -> list[EmailMessage]:
            return [each for each in self.mails if wanted(str(each["subject"]))]

        try:
            async with asyncio.timeout(PATIENCE), self.arrived:
                await self.arrived.wait_for(lambda: bool(found()))
        except TimeoutError:
            sys.exit(
                "\n".join(["a mail did not come; these did:", *(str(each["subject"]) for each in self.mails)])
            )
        return found()[0]


async def main() -> None:
    set_up_logging("error", "console")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("there is no Chromium here (Debian package: chromium)")
    inbox, loop = Inbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, hostname="localhost"), "127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="watcher-messages-") as folder:
        mails = await _watch(Path(folder), server.sockets[0].getsockname()[1], inbox)
    server.close()
    target = Path(tempfile.mkdtemp(prefix="watcher-mails-"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        for name, mail in mails.items():
            await _photograph(browser, mail, target, name)
        await browser.close()
    _keep(target / "drained-600-light.png", HERE / "mail.png")
    print(f"the others are in {target}")


async def _watch(folder: Path, port: int, inbox: Inbox) -> dict[str, EmailMessage]:
    """Let it happen under the daemon; the mails by a name."""
    found: dict[str, EmailMessage] = {}
    async with Simulation() as sim:
        prepare(sim)
        sim.coinstats.credits_limit = PLENTY
        for address in GAS.values():
            give(sim.world, address, "ethereum", "ETH", "0.2")
        path = folder / "watcher.yaml"
        path.write_text(_configuration(sim, port))
        configuration = configure(path, dict(os.environ))
        store = await configuration.settings.backend.open(exclusive=True)
        try:
            letters = LetterWriter(configuration.settings, store)
            app = await build(configuration, store, draw=painter(configuration, store), letters=letters)
            async with at_work(app):
                await asyncio.sleep(8)
                sim.world.drain(OPS.address, "binancesmartchain")
                found["drained"] = await inbox.has(lambda subject: "operations" in subject)
                await asyncio.sleep(6)
                give(sim.world, GAS["gas-17"], "ethereum", "ETH", "0.0021")
                found["fires"] = await inbox.has(lambda subject: subject.startswith("critical: gas-17"))
                await asyncio.sleep(6)
                give(sim.world, GAS["gas-17"], "ethereum", "ETH", "0.75")
                found["resolved"] = await inbox.has(
                    lambda subject: "gas-17" in subject and "critical" not in subject
                )
                await asyncio.sleep(8)
                for number, address in enumerate(GAS.values(), 1):
                    give(sim.world, address, "ethereum", "ETH", f"0.0{number + 100:03}")
                found["many"] = await inbox.has(lambda subject: _wallets(subject) >= MANY)
                await app.engine.conclude([], partial(_report, await asyncio.to_thread(_summary, letters)))
                app.deliverer.wake()
                found["report"] = await inbox.has(lambda subject: "every-day" in subject)
        finally:
            await store.close()
    return found


def _summary(letters: LetterWriter) -> tuple[Period, Summary]:
    now = datetime.now(UTC)
    period = Period(now - timedelta(minutes=10), now, now)
    return period, letters.summary("every-day", period)


def _report(made: tuple[Period, Summary], *_: object) -> Decision:
    """The report of these minutes; those of a configuration are of whole days."""
    (since, until, now), said = made
    span = Particulars(since=since, until=until, sum_usd=said.worth)
    subject, words = subject_of("every-day"), (said.title, said.facts)
    message = Message("a-report", Kind.REPORT, Severity.INFO, REPORT_RULE, subject, "", *words, now, span)
    return Decision(now, deliveries=(Delivery("a-report", "treasurer", message, now, now),))


def _wallets(subject: str) -> int:
    """Of how many wallets a subject says that its mail tells."""
    count = re.search(r"\bon\s([0-9,]+)\swallets", subject)
    return int(count[1].replace(",", "")) if count else 0


def _configuration(sim: Simulation, port: int) -> str:
    gas = "\n".join(
        f'  - {{name: {name}, source: coinstats, address: "{address}", chains: [ethereum], tags: [gas], '
        "every: 3s}"
        for name, address in GAS.items()
    )
    return CONFIG.format(
        key=sim.coinstats.key,
        url=sim.url,
        limit=PLENTY,
        ops=OPS.address,
        gas=gas,
        port=port,
        rules=RULES,
        sent=SENT,
    )


async def _photograph(browser: Browser, mail: EmailMessage, target: Path, name: str) -> None:
    """The mail's page with its pictures in it, in each width and scheme, and its plain part."""
    html, plain = (cast(EmailMessage, mail.get_body((kind,))) for kind in ("html", "plain"))
    head = "".join(f"{key}: {value}\n" for key, value in mail.items())
    (target / f"{name}.txt").write_text(f"{head}\n{plain.get_content()}", encoding="utf-8")
    page = target / f"{name}.html"
    page.write_text(_with_pictures(html.get_content(), mail), encoding="utf-8")
    for width in WIDTHS:
        for scheme in SCHEMES:
            view = await browser.new_page(
                viewport={"width": width, "height": 200}, color_scheme=cast(Any, scheme)
            )
            await view.goto(page.as_uri())
            wide = await view.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                sys.exit(f"{page} is {wide} wide on a screen of {width}")
            await view.screenshot(path=target / f"{name}-{width}-{scheme}.png", full_page=True)
            await view.close()


def _with_pictures(page: str, mail: EmailMessage) -> str:
    """The page as a mail program shows it, which finds the pictures by their Content-ID."""
    found = {
        str(each["content-id"])[1:-1]: base64.b64encode(cast(bytes, each.get_payload(decode=True))).decode()
        for each in mail.walk()
        if each.get_content_maintype() == "image"
    }
    return re.sub(r'"cid:([^"]+)"', lambda cid: f'"data:image/png;base64,{found[cid[1]]}"', page)


def _keep(source: Path, target: Path) -> None:
    out = io.BytesIO()
    Image.open(source).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    if len(out.getvalue()) > MOST_BYTES:
        sys.exit(f"{target.name} has {len(out.getvalue()):,} bytes; {MOST_BYTES:,} are allowed")
    target.write_bytes(out.getvalue())
    print(f"wrote {target} ({len(out.getvalue()):,} bytes)")


if __name__ == "__main__":
    asyncio.run(main())
