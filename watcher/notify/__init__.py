"""Ways to reach people. Each kind is one file with its settings model, listed here and nowhere else."""

from __future__ import annotations

from pydantic import BaseModel

from watcher.notify.apprise.channel import AppriseSettings
from watcher.notify.console import ConsoleSettings

DEFAULT_KIND = "apprise"
KINDS: dict[str, type[BaseModel]] = {"apprise": AppriseSettings, "console": ConsoleSettings}
