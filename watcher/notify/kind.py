"""Kind of channel: one way to reach people as the configuration names it, and what the house asks of it."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from watcher.domain.alerts.quiet_hours import EVERY_DAY, QuietPeriod
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Severity
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Zone, words_of
from watcher.notify.display import ChannelDisplay
from watcher.notify.urgency import Urgency
from watcher.ports.channel import PLAINLY, Channel, Presentation

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock(value: Any) -> Any:
    if not isinstance(value, str) or re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value) is None:
        raise InputError("must be a time of day in quotes", 'as in "22:00"')
    return value


def _day(word: str) -> str:
    if word not in DAYS:
        raise InputError(f"'{word[:20]}' is no day", f"write {', '.join(DAYS)}")
    return word


def _a_while(value: timedelta) -> timedelta:
    if not timedelta(seconds=0.1) <= value <= timedelta(minutes=10):
        raise InputError("must be between 0.1s and 10m")
    return value


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NumberAsText = BeforeValidator(_number_as_text, json_schema_input_type=str | int)
"""For the id of a chat, which is a number: it needs no quotes."""

Patience = Annotated[Duration, AfterValidator(_a_while)]
"""How long a service may take."""

Clock = Annotated[str, BeforeValidator(_clock), Field(examples=["22:00"])]
Days = Annotated[
    tuple[Annotated[str, AfterValidator(_day)], ...], BeforeValidator(words_of), Field(min_length=1)
]


class QuietHours(BaseModel):
    """Nothing but what is critical is told in these hours; the rest when they end, as one message."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    from_: Annotated[Clock, Field(alias="from")]
    """Time of day at which they begin, in quotes."""
    to: Clock
    """Time of day at which they end, in quotes; it may be that of the next day."""
    timezone: Zone
    """IANA name of the zone of these times, as in `Europe/Zurich`."""
    days: Days = DAYS
    """Days on which they begin; left out: all."""

    @model_validator(mode="after")
    def _it_ends(self) -> QuietHours:
        if self.from_ == self.to:
            raise InputError(f"{self.to} is when it begins too", "nothing would ever be told", ("to",))
        return self

    def build(self) -> QuietPeriod:
        days = frozenset(DAYS.index(day) for day in self.days) if self.days else EVERY_DAY
        zone = ZoneInfo(self.timezone)
        return QuietPeriod(time.fromisoformat(self.from_), time.fromisoformat(self.to), zone, days)


class ChannelKind(BaseModel):
    """Settings of one channel, which say what it can do and build it.

    The base of every kind: what a kind leaves out is as it stands here. It is a model and no Protocol, since
    pydantic reads it from the configuration, and a model cannot inherit from a Protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    service: ClassVar[str] = ""
    """The word under which `people:` name their ids; empty if nobody can answer in such a channel.

    What a kind with a service builds is a `Bot` too.
    """

    listens_with: ClassVar[str] = ""
    """The key that it needs to hear people, beside those that it needs to tell them."""

    quiet: QuietHours | None = None
    """Hours in which only what is critical is told; the rest waits, and comes as one message."""
    fallback: str | None = None
    """The channel that is told too what this one cannot tell."""
    priority: Mapping[Severity, Urgency] = Field(default_factory=dict)
    """How loudly each severity asks for people, if not as usual: critical an emergency, warning normal, info
    silent."""
    display: ChannelDisplay | None = None
    """In whose time, language and money this channel is told, where that is not as for the others."""

    @classmethod
    def person_id(cls, text: str) -> str:
        """The id of a person at the service, as `people:` name it. InputError for what cannot be one."""
        return text

    @abstractmethod
    def build(self, name: str, shown: Presentation = PLAINLY) -> Channel:
        """The channel; `shown`: how it shows what it tells, and what goes with it.

        InputError says, without a secret, what it does not take, and under which key if not `url`.
        """

    @property
    def wants_pictures(self) -> bool:
        """Whether a chart is to go with each alert."""
        return False

    @property
    def takes_pictures(self) -> bool:
        """Whether what is reached can show a chart."""
        return False

    @property
    def rings(self) -> bool | None:
        """Whether people are called louder for what is urgent; None where nobody is called: a screen, a
        program."""
        return None

    @property
    def hears_priority(self) -> bool:
        """Whether it makes a difference what `priority` says."""
        return True

    def loudness(self, deliveries: Sequence[Delivery]) -> str:  # noqa: ARG002
        """What the service is told of how urgent deliveries are, for people; empty if nothing."""
        return ""

    @property
    def listens_as(self) -> str:
        """As whom it listens to people, a secret: of all channels with the same only one can. Empty: it is
        deaf."""
        return ""

    @property
    def destination(self) -> str:
        """What it reaches, a secret; empty if unknown. Two channels with the same tell the same people."""
        return ""

    @property
    def doubts(self) -> Sequence[tuple[str, str, str]]:
        """What is allowed and probably not meant: the key, what is odd, and the remedy."""
        return ()

    @property
    def quiet_period(self) -> QuietPeriod | None:
        """When nothing but what is critical is told."""
        return self.quiet.build() if self.quiet is not None else None
