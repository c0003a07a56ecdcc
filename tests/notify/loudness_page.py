"""Tables of docs/channels: how loudly each service rings, and what opens and closes an incident.

`python -m tests.notify.loudness_page` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.notify.given import delivery
from tests.notify.services import TELEGRAM_URL
from watcher.domain.messages.message import Kind, Severity
from watcher.notify.apprise.incidents import SERVICES as TRACKERS
from watcher.notify.apprise.urgency import SERVICES, TAGS, RingingService
from watcher.notify.discord.settings import DiscordSettings
from watcher.notify.kind import ChannelKind
from watcher.notify.slack.settings import SlackSettings
from watcher.notify.telegram.settings import TelegramSettings
from watcher.notify.urgency import Urgency

FOLDER = Path(__file__).parents[2] / "docs" / "channels"
_BEGIN, _END = "<!-- made from the table in the code -->", "<!-- end -->"
_COLUMNS = (
    (Urgency.EMERGENCY, "failure"),
    (Urgency.NORMAL, "warning"),
    (Urgency.SILENT, "info"),
    (Urgency.LOW, "success"),
)
_OTHERS = {"NotifyIncidentIO": "incident.io", "NotifyGoAlert": "GoAlert", "NotifySIGNL4": "SIGNL4"}
_TOLD = (
    delivery(1, severity=Severity.CRITICAL, kind=Kind.FIRING),
    delivery(1, severity=Severity.WARNING, kind=Kind.FIRING),
    delivery(1, severity=Severity.INFO, kind=Kind.FIRING),
    delivery(1, severity=Severity.CRITICAL, kind=Kind.RESOLVED),
)


def _services() -> Iterator[str]:
    yield "| service | critical | warning | info | resolved | known from |"
    yield "|---|---|---|---|---|---|"
    for kind, known in _ours():
        cells = [_quoted(kind.loudness([each]).partition(": ")[2]) or "–" for each in _TOLD]
        yield f"| `kind: {kind.kind}` | {' | '.join(cells)} | {known} |"  # type: ignore[attr-defined]
    for name, service in SERVICES.items():
        cells = list(_cells(service))
        if name in TRACKERS:
            cells[-1] = "closes it"
        yield f"| {service.name} | {' | '.join(cells)} | {service.known} |"


def _ours() -> Iterator[tuple[ChannelKind, str]]:
    bot = TELEGRAM_URL.removeprefix("tgram://").partition("/")[0]
    yield (
        TelegramSettings.model_validate({"token": bot, "chat": "1"}),
        "core.telegram.org/bots/api, disable_notification",
    )
    yield (
        SlackSettings.model_validate({"token": "xoxb-1-2-abc", "channel": "#ops", "mention": "<!here>"}),
        "api.slack.com, mentions; as `mention:` says",
    )
    yield (
        DiscordSettings.model_validate({"token": "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.Zn", "channel": "1"}),
        "Discord's message flags, SUPPRESS_NOTIFICATIONS",
    )


def _quoted(words: str) -> str:
    """So that a mention of Slack is no tag of HTML."""
    return re.sub(r"<[^>]*>", lambda found: f"`{found[0]}`", words)


def _cells(service: RingingService) -> Iterator[str]:
    for urgency, tone in _COLUMNS:
        found = [each.said(urgency) for each in service.settings]
        found += [f"tag `{TAGS[tone]}`"] if service.tags else []
        yield ", ".join(filter(None, found)) or "–"


def _trackers() -> Iterator[str]:
    yield "| service | key of an incident | opened by | closed by |"
    yield "|---|---|---|---|"
    for name, words in TRACKERS.items():
        service = SERVICES[name].name if name in SERVICES else _OTHERS[name]
        yield f"| {service} | {words.key} | {words.opens or 'its severity'} | {words.closes} |"


PAGES = {FOLDER / "push.md": _services, FOLDER / "incidents.md": _trackers}


def written(path: Path) -> str:
    """A page with its table as the code has it now."""
    table = "\n".join(PAGES[path]())
    page = path.read_text(encoding="utf-8")
    return re.sub(rf"{_BEGIN}\n.*?{_END}", lambda _: f"{_BEGIN}\n{table}\n{_END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(written(each), encoding="utf-8")
