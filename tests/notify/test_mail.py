"""E-mail through a real SMTP server: plain, with STARTTLS, and with a login."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.certificates import self_signed
from tests.notify.given import HOSTILE, PICTURE, delivery
from tests.notify.mailbox import Mailbox, course, smtp, told
from watcher.domain.messages.delivery import NotSent, Sent
from watcher.domain.messages.message import Kind
from watcher.domain.messages.presentation import Ways
from watcher.notify.apprise.mail_message import LONGEST_SUBJECT
from watcher.notify.apprise.settings import AppriseSettings
from watcher.ports.channel import LONGEST_PAGE, Attachment, Presentation


class Elements(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes, self.links = set[str](), set[str](), set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name == "href"}


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"watcher", b"hunter22")
    return AuthResult(success=right)


TAGS = frozenset(
    {*("html", "head", "meta", "style", "title", "body", "div", "h1", "h2", "p", "span", "a")}
    | {*("table", "tr", "td")}
)
ATTRIBUTES = frozenset(
    {*("lang", "charset", "name", "content", "style", "role", "align", "href")}
    | {*("cellpadding", "cellspacing", "border")}
)
TAKEN = Sent(receipt="<dlv-0001@example.com>")


async def test_a_mail_has_the_title_as_subject_and_the_facts_in_html() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        assert await told(f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com") == TAKEN

    mail = mailbox.mails[0]
    html = mail.get_body(("html",))
    assert mail["subject"] == "warning: treasury-hot: ETH moved, number 1"
    assert html is not None
    shown = re.sub(r"<[^>]*>", "|", html.get_content())
    assert re.search(r"Before\|+12\.5 ETH\|+After\|+10 ETH\|", shown)
    assert "delivery&nbsp;dlv-0001" in shown


async def test_a_hostile_name_is_text_in_a_mail_and_adds_no_header() -> None:
    mailbox = Mailbox()
    evil = HOSTILE + "\r\nBcc: thief@example.com"
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        assert await told(url, delivery(1, title=evil, facts=((evil, evil),))) == TAKEN

    html = mailbox.mails[0].get_body(("html",))
    assert html is not None
    assert mailbox.mails[0]["bcc"] is None
    assert "<b>x</b>" not in html.get_content()
    assert "&lt;b&gt;x&lt;/b&gt;" in html.get_content()


@pytest.mark.parametrize(("password", "arrives"), [("hunter22", True), ("wrong-one", False)])
async def test_starttls_with_a_login(password: str, arrives: bool, tmp_path: Path) -> None:
    mailbox = Mailbox()
    options = {"tls_context": self_signed(tmp_path), "authenticator": login, "auth_required": True}
    async with smtp(mailbox, **options) as port:
        query = "from=w@example.com&to=t@example.com&mode=starttls&verify=no"
        result = await told(f"mailtos://watcher:{password}@127.0.0.1:{port}?{query}")

    assert isinstance(result, Sent) is arrives
    assert len(mailbox.mails) == arrives
    assert password not in repr(result)


async def test_a_server_that_refuses_the_mail_is_a_failure() -> None:
    mailbox = Mailbox()
    mailbox.refuse = "451 later"
    async with smtp(mailbox) as port:
        result = await told(f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com")

    assert isinstance(result, NotSent)
    assert "t@example.com" not in result.detail


async def test_no_server_is_a_failure() -> None:
    async with smtp(Mailbox()) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"

    assert isinstance(await told(url), NotSent)


async def test_a_burst_is_one_mail() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        assert await told(url, *(delivery(n) for n in range(200))) != TAKEN

    assert len(mailbox.mails) == 1
    assert mailbox.mails[0]["subject"] == "warning: treasury-hot: ETH moved, number 0 (+199 more)"


async def test_a_picture_comes_with_the_mail() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}/?from=watcher@example.org&to=ops@example.org&mode=insecure"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s", "pictures": True})
        channel = settings.build("mail", Presentation(lambda _: [PICTURE]))
        assert await channel.send([delivery()]) == Sent(receipt="<dlv-0001@example.org>")
    (mail,) = box.mails
    parts = [each.get_content_type() for each in mail.walk()]
    wanted = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert parts == wanted
    picture, html = list(mail.walk())[-1], mail.get_body(("html",))
    assert html is not None
    assert picture.get_payload(decode=True) == b"\x89PNG one"
    assert picture["content-disposition"] == 'inline; filename="chart-1.png"'
    assert f'src="cid:{picture["content-id"][1:-1]}"' in html.get_content()


async def test_a_page_that_comes_with_a_message_is_the_mails_and_the_other_files_are_attached() -> None:
    box = Mailbox()
    page = Attachment(
        "report.html", "text/html; charset=utf-8", b'<p>\xc3\xbc</p><img src="cid:chart-1.png">'
    )
    table = Attachment("report.csv", "text/csv", "wallet,amount\r\nKäse,1\r\n".encode())
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        for asked in ("", "&format=text"):
            settings = AppriseSettings.model_validate({"url": url + asked, "timeout": "5s", "pictures": True})
            await settings.build("mail", Presentation(lambda _: [page, PICTURE, table])).send([delivery()])

    mail, in_text = box.mails
    (csv,) = mail.iter_attachments()
    html = mail.get_body(("html",))
    assert html is not None
    picture = next(each for each in mail.walk() if each.get_content_type() == "image/png")
    assert html.get_content().strip() == f'<p>ü</p><img src="cid:{picture["content-id"][1:-1]}">'
    assert (csv.get_filename(), csv.get_payload(decode=True)) == (table.name, table.content)
    attached = [each.get_filename() for each in in_text.iter_attachments()]
    assert attached == ["report.html", "chart-1.png", "report.csv"]


async def test_a_page_about_one_message_of_several_goes_along_as_a_file() -> None:
    box = Mailbox()
    page = Attachment("report.html", "text/html", b"<p>of the report alone</p>")
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
        both = [delivery(1, title="hot is empty"), delivery(2, title="a report")]
        await settings.build("mail", Presentation(lambda _: [page])).send(both)

    (mail,) = box.mails
    html = mail.get_body(("html",))
    assert html is not None
    assert "hot is empty" in html.get_content()
    assert "of the report alone" not in html.get_content()
    assert [each.get_filename() for each in mail.iter_attachments()] == ["report.html"]


async def test_names_of_every_alphabet_arrive_as_they_are() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=W%C3%A4chter<w@example.com>&to=t@example.com"
        title = "Zürich Kasse: −1.5 金 moved 🚀 " + "é" * 60
        await told(url, delivery(1, title=title, facts=(("Wallet", "Zürich Kasse 金"),)))

    (mail,) = box.mails
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert mail["subject"] == f"warning: {title}"
    assert "Zürich Kasse 金" in plain.get_content()
    assert "Zürich Kasse 金" in html.get_content()


async def test_nothing_of_a_hostile_message_is_markup_and_nothing_is_loaded() -> None:
    box = Mailbox()
    evil = HOSTILE + '"><img src=https://evil.example/x.png onerror=alert(1)>'
    hostile = delivery(1, title=evil, facts=((evil, evil),), kind=Kind.FIRING)
    ways = Ways(page="https://watch.example.org/alerts/1?a=1&b=%22", runbook="https://wiki.example.org/")
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
        for batch in ([hostile], [hostile, delivery(2)], [hostile, *(delivery(n) for n in range(2, 20))]):
            await settings.build("ops", Presentation(ways=lambda _: ways)).send(batch)

    for mail in box.mails:
        html = mail.get_body(("html",))
        assert html is not None
        page = Elements()
        page.feed(html.get_content())
        assert page.tags <= TAGS
        assert page.attributes <= ATTRIBUTES
        assert "https://watch.example.org/alerts/1?a=1&b=%22" in page.links
        assert {each.split("/")[2] for each in page.links} <= {"watch.example.org", "wiki.example.org"}
        assert "url(" not in html.get_content()


async def test_the_html_has_no_picture_or_part_where_the_url_asks_for_text() -> None:
    box = Mailbox()
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com&format=text"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s", "pictures": True})
        await settings.build("mail", Presentation(lambda _: [PICTURE])).send([delivery(1)])
        await told(url)

    with_picture, without = box.mails
    assert [each.get_content_type() for each in with_picture.walk()] == [
        "multipart/mixed",
        "text/plain",
        "image/png",
    ]
    assert without.get_content_type() == "text/plain"


async def test_a_mail_of_very_many_alerts_is_short_enough_to_be_shown_whole() -> None:
    box = Mailbox()
    long = "ö" * 900
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        await told(url, *(delivery(n, title=f"{n} {long}", alert=f"dlv-{n:04d}") for n in range(300)))
        await told(url, *(delivery(n, facts=((long, long),) * 9, alert=f"dlv-{n:04d}") for n in range(10)))

    for mail, listed in zip(box.mails, (300, 10), strict=True):
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            text = part.get_content()
            assert len(text.encode()) <= LONGEST_PAGE + 10
            left = re.search(r"… and ([0-9]+) more, see watcher outbox", text)
            counted = int(left[1]) if left else 0
            assert len(set(re.findall(r"dlv-[0-9]{4}", text))) + counted == listed


async def test_a_long_title_is_cut_in_the_subject_and_whole_in_the_mail() -> None:
    (mail,) = await course(delivery(1, title="treasury " + "very " * 60 + "empty"))

    plain = mail.get_body(("plain",))
    assert plain is not None
    assert len(mail["subject"]) == LONGEST_SUBJECT
    assert " ".join(plain.get_content().split()).startswith("warning: treasury very very")
    assert "very empty" in plain.get_content()


async def test_the_plain_part_of_a_mail_has_one_fact_a_line_and_a_whole_footer() -> None:
    box = Mailbox()
    ways = Ways(
        "https://watch.example.org/alerts/ea650b65?" + "x" * 80, explorers={"Etherscan": "https://e.io"}
    )
    because = "12.5 ETH is more than was ever seen in this wallet, and it left within one minute of arriving"
    facts = (("Before", "12.5 ETH"), ("Because", because))
    async with smtp(box) as port:
        url = f"mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"
        settings = AppriseSettings.model_validate({"url": url, "timeout": "5s"})
        told_of = delivery(1, kind=Kind.FIRING, alert="ea650b65aabbccdd", facts=facts)
        await settings.build("ops", Presentation(ways=lambda _: ways)).send([told_of])

    plain = box.mails[0].get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == [
        "Because:    12.5 ETH is more than was ever seen in this wallet, and it left",
        "            within one minute of arriving",
        "Before:     12.5 ETH",
        "",
        "Open:       https://watch.example.org/alerts/ea650b65?" + "x" * 80,
        "Etherscan:  https://e.io",
        "",
        "rule hot-wallet-moved, alert ea650b65, delivery dlv-0001",
    ]
