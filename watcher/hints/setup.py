"""Setup of a hint source: what `watcher init` asks for, and the entry that it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watcher.domain.model import Account
from watcher.domain.records import Record, field, replace
from watcher.ports.dialogue import Dialogue


class HintDraft(Record, frozen=True):
    """Entry of `hints:` as it was answered. `settings`: key → its value in YAML, `kind` left out."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variable that stands in `settings` → what is asked for it. The answer goes into a file of its own."""


class HintSetup(Record, frozen=True):
    """Offer of one kind to somebody with certain accounts."""

    meaning: str
    """What it is and what it takes, in a few words."""
    draft: Callable[[Dialogue, Sequence[Account]], HintDraft]
    """Asks for all but secrets."""


def about_source(
    source: str, accounts: Sequence[Account], meaning: str, draft: HintDraft
) -> HintSetup | None:
    """The offer to somebody with accounts of that source; nothing is asked for but secrets."""
    if all(each.source != source for each in accounts):
        return None
    entry = replace(draft, settings={"source": source, **draft.settings})
    return HintSetup(meaning, lambda _dialogue, _accounts: entry)
