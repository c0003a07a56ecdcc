"""How a class asks its store: each question is answered by a function over a connection."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

C_co = TypeVar("C_co", covariant=True)
C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")


class Asking(Protocol[C_co]):
    """Who has a connection. All that one question reads through it is of one moment."""

    def asked(self) -> AbstractContextManager[C_co]: ...


def answered_by(answer: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[Asking[C], P], R]:
    """The method that asks this question."""

    def ask(asking: Asking[C], /, *given: P.args, **named: P.kwargs) -> R:
        with asking.asked() as conn:
            return answer(conn, *given, **named)

    return ask


def streamed_by(
    answer: Callable[Concatenate[C, P], Iterable[R]],
) -> Callable[Concatenate[Asking[C], P], Generator[R, None, None]]:
    """The same where the answer is read as it is taken."""

    def ask(asking: Asking[C], /, *given: P.args, **named: P.kwargs) -> Generator[R, None, None]:
        with asking.asked() as conn:
            yield from answer(conn, *given, **named)

    return ask
