"""Which of apprise's plugins are loaded: those that the channels need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from watcher.notify.apprise.plugins import _claiming, _manager

BUILD = """
import json, sys
from watcher.notify.apprise.settings import AppriseSettings
for url in sys.argv[1:]:
    AppriseSettings.model_validate({"url": url}).build("ops")
print(json.dumps([name for name in sys.modules if name.startswith("apprise.plugins.")]))
"""


def loaded(*urls: str) -> set[str]:
    """The plugins in a fresh process that built channels for these URLs."""
    done = subprocess.run([sys.executable, "-c", BUILD, *urls], capture_output=True, text=True, check=True)
    return {name.split(".")[2] for name in json.loads(done.stdout)} - {"base"}


def test_only_the_plugins_of_the_channels_are_loaded() -> None:
    assert loaded("json://localhost/a", "mailtos://me:word@example.com") == {"custom_json", "email"}


@pytest.mark.parametrize("url", ["kodi://localhost", "https://discord.com/api/webhooks/123456/abcdefgh"])
def test_a_url_whose_plugin_no_scheme_names_is_taken_all_the_same(url: str) -> None:
    assert len(loaded("json://localhost/a", url)) > 100


def test_a_scheme_leads_to_the_plugin_that_apprise_takes_for_it() -> None:
    manager = _manager()
    manager.load_modules()
    for scheme in ("slack", "tgram", "mailto", "mailtos", "ntfys", "gotify", "discord", "pover", "sns"):
        assert manager[scheme].__module__.split(".")[2] == next(_claiming(scheme)), scheme
