"""Options that several verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from watcher.cli import _completion
from watcher.domain.values.normalization import in_one_form


def _off(params: list[Any]) -> list[Any]:
    """Flags that nobody gives are off: those left open typer checks by pydantic, which takes a moment."""
    for each in params:
        if each.default is None and getattr(each, "is_flag", False):
            each.default = False
    return params


class VerbGroup(TyperGroup):
    """Verbs below a word."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _off(super().get_params(ctx))


class VerbCommand(TyperCommand):
    """One verb. While its words are completed those before are taken as they stand, unchecked."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _off(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        rest: list[str]
        said, rest, _ = self.make_parser(ctx).parse_args(args=args)
        for param in self.get_params(ctx):
            ctx.params[param.name], source = param.consume_value(ctx, said)
            ctx.set_parameter_source(param.name, source)
        return rest


Config = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        help="Configuration file. Default: ./watcher.yaml, then /etc/watcher/watcher.yaml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many rows.")]
Wallets = Annotated[
    list[str] | None,
    typer.Option(
        "--wallet",
        metavar="NAME",
        help="Only this wallet; may be repeated.",
        autocompletion=_completion.wallets,
        callback=in_one_form,
    ),
]
