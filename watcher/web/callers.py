"""Who asks: under which name, by what this is known, and whether they may act or only look."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from aiohttp import web


class How(StrEnum):
    """By what it is known who asks."""

    OPEN = ""
    """By nothing: nobody is asked."""
    SESSION = "session"
    TOKEN = "token"  # noqa: S105  # nosec B105
    """A script's, in each of its requests."""
    SIGN_ON = "sign-on"


NAMED = "tokens."
"""How the login by a token begins that has a name."""


class Caller(NamedTuple):
    """Whoever sent a request. `name`: who they are, as far as this is known; empty if it is not. `login`: by
    whose login they came; the forms of one login are of no use to another."""

    name: str = ""
    may_act: bool = False
    login: str = ""
    how: How = How.OPEN

    @property
    def signed_on(self) -> bool:
        """Whether somebody else answers for the name, so that nobody is asked for one."""
        return self.how is How.SIGN_ON

    @property
    def token(self) -> str:
        """The name of the token that was shown; empty if it has none."""
        return self.login.removeprefix(NAMED) if self.login.startswith(NAMED) else ""

    @property
    def logged_in(self) -> bool:
        """Whether there is a session here, and so a way to log out."""
        return self.how is How.SESSION


NOBODY = Caller()
CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """As the server found out before it handed the request on."""
    caller: Caller = request.get(CALLER, NOBODY)
    return caller
