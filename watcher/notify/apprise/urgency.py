"""Urgency at each service that apprise reaches: the one table of what an urgency becomes there.

A service that is not in it cannot tell a message that is urgent from one that is not, or apprise cannot say
so to it. The values are attributes of apprise's plugins, set on the plugin right before each send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Severity
from watcher.domain.model import EMPTY
from watcher.domain.records import Record
from watcher.notify.notice import tone
from watcher.notify.urgency import Urgency, loudest_message, urgency_of

_LEVELS = tuple(Urgency)

ByUrgency = tuple[Any, Any, Any, Any, Any]
"""For silent, low, normal, high and emergency."""


class PluginSetting(Record, frozen=True):
    """Setting of a plugin. `attribute`: where it is kept, below others if there are dots in it.

    A mapping is added to what the plugin has there already.
    """

    attribute: str
    values: ByUrgency
    label: str
    """What the service's people call it."""
    words: tuple[str, ...] = ()
    """What is sent, where that is not the value."""
    keys: tuple[str, ...] = ()
    """The words in the query of a URL that say it there. None named: as the attribute."""

    def value(self, urgency: Urgency) -> Any:
        return self.values[_LEVELS.index(urgency)]

    def said(self, urgency: Urgency) -> str:
        """Label and value for people; empty if the service is told nothing."""
        value = self.value(urgency)
        if isinstance(value, Mapping):
            return ", ".join(f"{name}: {each}" for name, each in value.items())
        if value is None or value is False:
            return ""
        if value is True:
            return self.label
        word = " + ".join(value) if isinstance(value, list) else str(value)
        word = self.words[_LEVELS.index(urgency)] if self.words else word
        return f"{self.label} {word}" if word else ""

    def in_url(self, query: Mapping[str, str]) -> bool:
        """Whether the operator has decided it in the URL."""
        return any(key in query for key in self.keys or (self.attribute,))


class RingingService(Record, frozen=True):
    """Service that can tell the urgent from the rest. `known`: from where that is known."""

    name: str
    known: str
    settings: tuple[PluginSetting, ...]
    tags: str = ""
    """The attribute that takes the emoji of the tone, if there is one."""


TAGS: Mapping[str, str] = {
    "failure": "rotating_light",
    "warning": "warning",
    "info": "information_source",
    "success": "white_check_mark",
}
"""The tone of a notification → the short code of its emoji."""

_QUIET_MAIL = {"X-Priority": "5 (Lowest)", "Importance": "low", "Priority": "non-urgent"}
_LOUD_MAIL = {"X-Priority": "1 (Highest)", "Importance": "high", "Priority": "urgent"}
_NAMED = {"X-Mailer": "watcher"}
"""A mail with a priority and without a name is junk to SpamAssassin (`PRIORITY_NO_NAME`)."""
MAIL_HEADERS: ByUrgency = (_QUIET_MAIL, {}, {}, {**_LOUD_MAIL, "X-Priority": "2 (High)"}, _LOUD_MAIL)
"""Headers of a mail that say how urgent it is; none for a mail like any other.

Outlook reads `Importance` first, then the others ([MS-OXCMAIL] 2.2.3.2.5); `Importance` and `Priority` are in
RFC 4021, and `X-Priority` is what most mail programs show.
"""
_QUIET_TWICE: ByUrgency = (True, True, False, False, False)
_LAST_ONLY: ByUrgency = (False, False, False, False, True)
_FIVE: ByUrgency = (-2, -1, 0, 1, 2)
_DESKTOP: ByUrgency = (0, 0, 1, 2, 2)
_INCIDENT: ByUrgency = (5, 4, 3, 2, 1)
_INCIDENT_WORDS = ("P5", "P4", "P3", "P2", "P1")

_PLUGIN = "apprise's plugin"
_HEADERS = (PluginSetting("headers", MAIL_HEADERS, "headers"),)
_PRIORITY = (PluginSetting("priority", _FIVE, "priority"),)
_URGENCY = (PluginSetting("urgency", _DESKTOP, "urgency", ("low", "low", "normal", "critical", "critical"),
                    ("urgency", "priority")),)  # fmt: skip
_FREEDESKTOP = "Desktop Notifications Specification, hint `urgency`"
_PER_TYPE = ("info", "success", "warning", "failure")

# fmt: off
SERVICES: Mapping[str, RingingService] = {
    # Telephones
    "NotifyNtfy": RingingService("ntfy", "docs.ntfy.sh/publish, message priority, tags & emojis", (
        PluginSetting("priority", ("min", "low", "default", "high", "max"), "priority",
                      ("1", "2", "3", "4", "5")),
    ), tags="_NotifyNtfy__tags"),
    "NotifyPushover": RingingService("Pushover", "pushover.net/api, priority, retry, expire and sound", (
        PluginSetting("priority", _FIVE, "priority"),
        PluginSetting("sound", (None, None, None, None, "siren"), "sound"),
        PluginSetting("interval", (60,) * 5, "again every", ("", "", "", "", "60 s")),
        PluginSetting("expire", (3600,) * 5, "for", ("", "", "", "", "1 h")),
    )),
    "NotifyGotify": RingingService("Gotify", "github.com/gotify/android, message priorities", (
        PluginSetting("priority", (0, 3, 5, 8, 10), "priority"),
    )),
    "NotifyTelegram": RingingService("Telegram", "core.telegram.org/bots/api, disable_notification", (
        PluginSetting("silent", _QUIET_TWICE, "without sound"),
    )),
    "NotifySimplePush": RingingService("Simplepush", _PLUGIN + ": 1 (silent) to 5 (critical)", (
        PluginSetting("priority", (1, 2, 3, 4, 5), "priority"),
    )),
    "NotifyBark": RingingService("Bark", "Bark's tutorial, level; apprise's plugin, call", (
        PluginSetting("level", ("passive", "passive", "active", "timeSensitive", "critical"), "level"),
        PluginSetting("call", _LAST_ONLY, "call"),
    )),
    "NotifyProwl": RingingService("Prowl", "prowlapp.com/api.php, priority", _PRIORITY),
    "NotifyJoin": RingingService("Join", _PLUGIN, _PRIORITY),
    "NotifyLauther": RingingService("Lauther", _PLUGIN, _PRIORITY),
    "NotifyPushSafer": RingingService("Pushsafer", "pushsafer.com/en/pushapi_ext, pr and s", (
        PluginSetting("priority", _FIVE, "priority"),
        PluginSetting("sound", (0, 0, None, None, None), "sound", ("silent", "silent", "", "", "")),
    )),
    "NotifyPushWard": RingingService("PushWard", _PLUGIN, (
        PluginSetting("level", ("passive", "passive", "active", "time-sensitive", "critical"), "level",
                keys=("level", *_PER_TYPE)),
    )),
    "NotifyPinglet": RingingService("Pinglet", _PLUGIN, (
        PluginSetting("priority", ("silent", "silent", "normal", "urgent", "urgent"), "priority"),
    )),
    "NotifyYouLMK": RingingService("YouLMK", _PLUGIN, (
        PluginSetting("priority", ("low", "low", "normal", "high", "critical"), "priority",
                keys=("priority", *_PER_TYPE)),
    )),
    "NotifyTrigv": RingingService("Trigv", _PLUGIN, (
        PluginSetting("urgency", ("standard", "standard", "standard", "time_sensitive", "time_sensitive"),
                "delivery_urgency", keys=("urgency", "priority")),
    )),
    "NotifySignalgrid": RingingService("Signalgrid", _PLUGIN, (
        PluginSetting("critical", _LAST_ONLY, "critical"),
    )),
    "NotifyFCM": RingingService("Firebase (FCM)", _PLUGIN + ", after Firebase's own pages", (
        PluginSetting("priority.priority", ("min", "low", "normal", "high", "max"), "priority",
                      keys=("priority",)),
    )),
    "NotifyGorush": RingingService("Gorush", _PLUGIN, (
        PluginSetting("priority", ("normal", "normal", "normal", "high", "high"), "priority"),
    )),
    "NotifyDapnet": RingingService("DAPNET", _PLUGIN, (
        PluginSetting("priority", (0, 0, 0, 0, 1), "priority",
                ("normal", "normal", "normal", "normal", "emergency")),
    )),
    # Chats
    "NotifyMatrix": RingingService("Matrix", "the specification's push rule .m.rule.suppress_notices", (
        PluginSetting("msgtype", ("notice", "notice", "text", "text", "text"), "msgtype",
                ("m.notice", "m.notice", "m.text", "m.text", "m.text")),
    )),
    "NotifyDiscord": RingingService("Discord", "Discord's message flags, SUPPRESS_NOTIFICATIONS", (
        PluginSetting("flags", (4096, 4096, None, None, None), "flags"),
    )),
    "NotifyNextcloudTalk": RingingService("Nextcloud Talk", "Talk's bot API, silent", (
        PluginSetting("silent", _QUIET_TWICE, "without sound"),
    )),
    # Incidents
    "NotifyPagerDuty": RingingService("PagerDuty", "PagerDuty's Events API v2, payload.severity", (
        PluginSetting("severity", ("info", "info", "warning", "error", "critical"), "severity"),
    )),
    "NotifyOpsgenie": RingingService("Opsgenie", "docs.opsgenie.com, alert API and priority field", (
        PluginSetting("priority", _INCIDENT, "priority", _INCIDENT_WORDS),
    )),
    "NotifyJira": RingingService("Jira Service Management", "support.atlassian.com, alert priorities", (
        PluginSetting("priority", _INCIDENT, "priority", _INCIDENT_WORDS),
    )),
    "NotifySquadcast": RingingService("Squadcast", _PLUGIN, (
        PluginSetting("priority", _INCIDENT_WORDS, "priority"),
    )),
    "NotifyPagerTree": RingingService("PagerTree", _PLUGIN, (
        PluginSetting("urgency", ("silent", "low", "medium", "high", "critical"), "urgency"),
    )),
    "NotifySplunk": RingingService("Splunk On-Call", "Splunk On-Call, incident fields: message_type", (
        PluginSetting("action", ("info", "info", "warning", "critical", "critical"), "message_type",
                ("INFO", "INFO", "WARNING", "CRITICAL", "CRITICAL")),
    )),
    "NotifyFireHydrant": RingingService("FireHydrant", _PLUGIN, (
        PluginSetting("priority", ("low", "low", "medium", "high", "high"), "priority"),
        PluginSetting("level", ("info", "info", "warn", "error", "fatal"), "level"),
    )),
    "NotifyILert": RingingService("ilert", _PLUGIN, (
        PluginSetting("priority", ("low", "low", "low", "high", "high"), "priority"),
    )),
    "NotifyBetterStack": RingingService("Better Stack", "betterstack.com/docs; apprise's plugin", (
        PluginSetting("alert", (["email"], ["email"], ["push", "email"], ["push", "email", "call"],
                          ["push", "email", "call", "critical"]), "alerts by"),
    )),
    # Desktops and displays
    "NotifyDBus": RingingService("D-Bus", _FREEDESKTOP, _URGENCY),
    "NotifyGLib": RingingService("GLib", _FREEDESKTOP, _URGENCY),
    "NotifyGnome": RingingService("Gnome", _FREEDESKTOP, _URGENCY),
    "NotifyGrowl": RingingService("Growl", _PLUGIN, _PRIORITY),
    "NotifyMacOSX": RingingService("macOS", _PLUGIN + ": terminal-notifier's -sound", (
        PluginSetting("sound", (None, None, "default", "default", "default"), "sound"),
    )),
    "NotifyLametric": RingingService("LaMetric Time", _PLUGIN + " and its notes", (
        PluginSetting("priority", ("info", "info", "warning", "warning", "critical"), "priority"),
    )),
    # Mail
    "NotifyEmail": RingingService("E-mail", "RFC 4021; [MS-OXCMAIL] 2.2.3.2.5", _HEADERS),
    "NotifyMailgun": RingingService("Mailgun", "as e-mail, its h: headers", _HEADERS),
    "NotifySMTP2Go": RingingService("SMTP2Go", "as e-mail, its custom_headers", _HEADERS),
    "NotifySparkPost": RingingService("SparkPost", "as e-mail, its content.headers", _HEADERS),
}
# fmt: on
"""The class name of apprise's plugin → what each urgency becomes there."""


def service_of(plugin: Any) -> RingingService | None:
    """What is known of the service of a plugin; None: it cannot tell the urgent from the rest."""
    return SERVICES.get(type(plugin).__name__)


class UrgencySetter:
    """Setter of urgencies on one plugin, which remembers what the URL says there.

    Where `priority:` of the channel names a severity, that is what it gets; else what the URL says, and what
    it does not say is as in the table.
    """

    def __init__(
        self, plugin: Any, query: Mapping[str, str], priority: Mapping[Severity, Urgency] = EMPTY
    ) -> None:
        """`query`: of the URL; `priority`: of the channel."""
        self._plugin, self._priority = plugin, priority
        self._service = service_of(plugin)
        settings = self._service.settings if self._service is not None else ()
        self._own = {each.attribute: _read(plugin, each.attribute, query) for each in settings}
        self._decided = frozenset(each.attribute for each in settings if each.in_url(query))
        self._tags = self._service.tags if self._service and not query.keys() & {"tags", "xtags"} else ""

    @property
    def headers(self) -> Mapping[str, Any]:
        """Headers of a mail that the URL itself names."""
        found: Mapping[str, Any] = self._own.get("headers") or {}
        return found

    def set(self, deliveries: Sequence[Delivery]) -> None:
        """Set on the plugin how loud the next notification is."""
        if self._service is None:
            return
        message = loudest_message(deliveries, self._priority)
        urgency = urgency_of(message, self._priority)
        for each in self._service.settings:
            value = each.value(urgency)
            if isinstance(value, Mapping):
                value = {**value, **(_NAMED if value else {}), **self.headers}
            elif each.attribute in self._decided and message.severity not in self._priority:
                value = self._own[each.attribute]
            _write(self._plugin, each.attribute, value)
        if self._tags:
            setattr(self._plugin, self._tags, [TAGS[tone(deliveries)]])

    def words(self, deliveries: Sequence[Delivery]) -> str:
        """What `set` tells the service, as in `ntfy: priority 5, tags rotating_light`; empty if nothing."""
        if self._service is None:
            return ""
        message = loudest_message(deliveries, self._priority)
        urgency = urgency_of(message, self._priority)
        own = frozenset() if message.severity in self._priority else self._decided
        found = [
            f"{each.label} as the URL says" if each.attribute in own else each.said(urgency)
            for each in self._service.settings
        ]
        found += [f"tags {TAGS[tone(deliveries)]}"] if self._tags else []
        words = ", ".join(filter(None, found))
        return f"{self._service.name}: {words}" if words else ""


def _read(plugin: Any, path: str, query: Mapping[str, str]) -> Any:
    """What the plugin has from its URL. Pushover's looks at two of its own only beside a third."""
    *holders, name = path.split(".")
    for each in holders:
        plugin = getattr(plugin, each)
    written = query.get(name, "")
    return getattr(plugin, name, int(written) if written.isdecimal() else None)


def _write(plugin: Any, path: str, value: Any) -> None:
    *holders, name = path.split(".")
    for each in holders:
        plugin = getattr(plugin, each)
    setattr(plugin, name, value)
