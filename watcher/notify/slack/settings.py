"""Settings of a Slack channel with a bot token. Slack's library is loaded when the first message goes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from watcher.domain.messages.delivery import Delivery
from watcher.domain.values.errors import InputError
from watcher.notify.bot import BotKind
from watcher.notify.urgency import Urgency, loudest
from watcher.ports.channel import PLAINLY, Presentation
from watcher.system.addresses import ApiKey, BaseUrl

if TYPE_CHECKING:
    from watcher.notify.slack.channel import SlackChannel

EXTRA = "pip install 'balance-watcher[slack]'"
_OF_A_BOT = re.compile(r"xox(?:b-|e\.xoxb-)")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,}")
_MENTION = re.compile(r"<(?:!(?:here|channel|everyone)|@[UW][A-Z0-9]{2,}|!subteam\^S[A-Z0-9]{2,})>")


def _of_a_bot(token: SecretStr) -> SecretStr:
    if _OF_A_BOT.match(token.get_secret_value()) is None:
        remedy = "it stands under OAuth & Permissions of your app"
        raise InputError("must be the token of a bot, which begins with xoxb-", remedy)
    return token


def _of_an_app(token: SecretStr) -> SecretStr:
    if not token.get_secret_value().startswith("xapp-"):
        remedy = "it stands under Basic Information of your app"
        raise InputError("must be the token of an app, which begins with xapp-", remedy)
    return token


def _a_channel(value: Any) -> Any:
    if value is None:
        raise InputError("is empty: in YAML a # begins a comment", 'put the name in quotes, as in "#ops"')
    if not isinstance(value, str) or re.fullmatch(r"#?[^\s#<>&|]{1,80}", value) is None:
        raise InputError("must be a channel of Slack", 'its id, as in C0123ABCD, or its name, as in "#ops"')
    return value


def _a_mention(value: str) -> str:
    if _MENTION.fullmatch(value) is None:
        remedy = "write <!here>, <!channel>, <@U…> of a person or <!subteam^S…> of a group"
        raise InputError("must be a mention as Slack writes it", remedy)
    return value


class SlackSettings(BotKind):
    """One channel of Slack, written to by a bot (extra `slack`). The bot needs the scope chat:write, and for
    pictures files:write."""

    service: ClassVar[str] = "slack"
    listens_with: ClassVar[str] = "app_token"

    kind: Literal["slack"] = "slack"
    token: Annotated[ApiKey, AfterValidator(_of_a_bot)]
    """The bot's token, which begins with xoxb-."""
    channel: Annotated[str, BeforeValidator(_a_channel), Field(examples=["#ops"])]
    """Id or name; the bot must be a member."""
    app_token: Annotated[ApiKey, AfterValidator(_of_an_app)] | None = None
    """The app's token, which begins with xapp- and has the scope connections:write: with it people answer."""
    mention: Annotated[str, AfterValidator(_a_mention)] | None = None
    """Who is called by what is critical (or what `priority:` makes an emergency), as in <!here>."""
    api_url: BaseUrl = "https://slack.com/api/"
    """Another one for Slack's government cloud."""

    def build(self, name: str, shown: Presentation = PLAINLY) -> SlackChannel:
        if find_spec("slack_sdk") is None:
            raise InputError("there is no Slack without the extra `slack`", EXTRA, ("kind",))
        from watcher.notify.slack.api import SlackApi
        from watcher.notify.slack.channel import SlackChannel
        from watcher.notify.slack.socket import SlackSocket

        api = SlackApi(*self._reached)
        socket = SlackSocket(api, self.app_token, shown.display) if self.app_token is not None else None
        return SlackChannel(name, api, self.channel, shown, self.priority, self.mention or "", socket)

    @classmethod
    def person_id(cls, text: str) -> str:
        if _PERSON.fullmatch(text) is None:
            remedy = "it stands in the profile under ⋮, Copy member ID, as in U0123ABCD"
            raise InputError("is no member's id of Slack", remedy)
        return text

    @property
    def listens_as(self) -> str:
        return self.app_token.get_secret_value() if self.app_token is not None else ""

    @property
    def doubts(self) -> Sequence[tuple[str, str, str]]:
        if self.priority and self.mention is None:
            what = "changes nothing: a message of Slack rings as its reader has set it"
            return [("priority", what, 'add mention: "<!here>", which calls people for an emergency')]
        return ()

    @property
    def rings(self) -> bool:
        return self.mention is not None

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        called = self.mention and loudest(deliveries, self.priority) is Urgency.EMERGENCY
        return f"Slack: calls {self.mention}" if called else ""

    @property
    def destination(self) -> str:
        return f"slack {self.channel.removeprefix('#')} {self.token.get_secret_value()}"
