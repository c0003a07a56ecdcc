"""A configuration file as those tests read it that want it sound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watcher.config.settings import Kinds, Settings, read_settings
from watcher.domain.values.errors import ConfigurationError


def load_settings(path: Path, env: Mapping[str, str], kinds: Kinds | None = None) -> Settings:
    """ConfigurationError carries every mistake in it."""
    partial = read_settings(path, env, kinds)
    if partial.settings is None:
        raise ConfigurationError(partial.problems)
    return partial.settings
