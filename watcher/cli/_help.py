"""What the list of verbs says of each, and the examples at the end of its help."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.domain.records import Record


class HelpPage(Record, frozen=True):
    """`short`: one line in the list of verbs. `examples`: what to type, and what it is for."""

    short: str
    examples: tuple[tuple[str, str], ...]

    @property
    def epilog(self) -> str:
        """The examples as the end of a help page."""
        width = max(len(command) for command, _ in self.examples)
        apart = "\n".join(f"  {command.ljust(width)}  {what}" for command, what in self.examples)
        below = "\n".join(f"  {command}\n      {what}" for command, what in self.examples)
        fits = all(len(line) <= 76 for line in apart.splitlines())
        return "\b\nExamples:\n" + (apart if fits else below)


PAGES: Mapping[str, HelpPage] = {
    "demo": HelpPage(
        "The whole product in a minute, on simulated APIs",
        (("watcher demo", "a story of one minute"), ("watcher demo --keep", "then stay up, for the page"),
         ("watcher demo --cluster", "two daemons, one of which is killed")),
    ),
    "init": HelpPage(
        "Write a configuration and rules to start from",
        (
            ("watcher init", "ask a few questions, write them here"),
            ("watcher init /etc/watcher --pack gas", "elsewhere, with one pack of rules"),
            ("watcher init --systemd", "as root: a service with all it needs"),
        ),
    ),
    "check": HelpPage(
        "Check the configuration and the rules, offline",
        (("watcher check", "every mistake at once"), ("watcher check -c new.yaml", "before it is in force")),
    ),
    "plan": HelpPage(
        "What the configuration will cost, how soon it sees a change",
        (
            ("watcher plan", "what is configured"),
            ("watcher plan --credits 2M --add 20", "a larger plan, and 20 more"),
        ),
    ),
    "simulate": HelpPage(
        "Replay past changes through the cadence: delays and credits",
        (
            ("watcher simulate --history", "the changes in one's own store"),
            ("watcher simulate --trace t.csv --credits-per-day 5000", "a trace, on a plan not yet bought"),
        ),
    ),
    "run": HelpPage(
        "The daemon: watch, judge and tell",
        (("watcher run", "until Ctrl-C"), ("watcher run -c /etc/watcher/watcher.yaml", "as systemd does")),
    ),
    "poll": HelpPage(
        "One poll now, within the budget",
        (("watcher poll", "all wallets"), ("watcher poll --wallet treasury", "only this one")),
    ),
    "status": HelpPage(
        "Accounts and their age, credits, alerts, deliveries",
        (
            ("watcher status", "once; the exit code says how things are"),
            ("watcher status --watch", "keep it on the screen, until Ctrl-C"),
        ),
    ),
    "balances": HelpPage(
        "What is held, its price, and when it was read",
        (
            ("watcher balances --wallet treasury", "of one wallet"),
            ("watcher balances --json | jq '.[].amount'", "for scripts; amounts are exact text"),
        ),
    ),
    "history": HelpPage(
        "What changed, newest first",
        (
            ("watcher history --since 24h", "of the last day"),
            ("watcher history --wallet treasury --plot", "its value over a week, as a chart"),
            ("watcher history --wallet gas --asset ETH --since 2d --plot", "the amount of one asset"),
        ),
    ),
    "report": HelpPage(
        "What was held, came and went in a time, and what it cost",
        (
            ("watcher report", "of the whole last month"),
            ("watcher report --since 2026-11-01 --format html --output november.html", "a page to send on"),
            ("watcher report --since 30d --tag treasury --format csv", "for a spreadsheet"),
        ),
    ),
    "polls": HelpPage(
        "What was asked, what came of it and what it cost",
        (("watcher polls --limit 20", "the latest twenty requests"),),
    ),
    "alerts": HelpPage(
        "Alerts that are pending or firing",
        (
            ("watcher alerts", "what is pending or fires"),
            ("watcher alerts --all --limit 20", "those that are over, too"),
            ("watcher alerts --events", "changes that rules told"),
            ("watcher alerts show 1f0c9b62", "one alert or event, and whom it was told"),
        ),
    ),
    "ack": HelpPage(
        "Acknowledge alerts: no repeats, no escalation",
        (("watcher ack 1f0c9b62 --by bob --comment 'on it'", "the id is in every message"),),
    ),
    "explain": HelpPage(
        "Why a rule fired or did not",
        (
            ("watcher explain gas-low hot-wallet", "a rule and a wallet"),
            ("watcher explain 1f0c9b62", "the alert with this id, as messages show it"),
        ),
    ),
    "outbox": HelpPage(
        "Deliveries: list, retry, drop",
        (
            ("watcher outbox --state given_up", "what nobody was told"),
            ("watcher outbox --retry 42ed6d73", "send it again now"),
        ),
    ),
    "assets": HelpPage(
        "What waits in quarantine; release it, or hide an asset",
        (
            ("watcher assets", "what no rule sees, and why"),
            ("watcher assets release USDX --wallet treasury", "let the rules see it"),
            ("watcher assets hide SPAM --wallet treasury", "keep it from them for good"),
        ),
    ),
    "send-test": HelpPage(
        "A test message to each channel, or to one",
        (
            ("watcher send-test", "each channel"),
            ("watcher send-test ops --severity critical --picture", "this one, as a critical alert would be"),
        ),
    ),
    "test": HelpPage(
        "Unit tests for rules",
        (
            ("watcher test rules/tests/*.yaml", "all of them"),
            ("watcher test rules/tests/gas.yaml --only low", "those with 'low' in their name"),
        ),
    ),
    "backtest": HelpPage(
        "What rules would have sent over the past",
        (
            ("watcher backtest --since 30d", "the rules in force, over a month"),
            ("watcher backtest --rules new/gas.yaml", "what other rules would have sent more or less"),
        ),
    ),
    "web": HelpPage(
        "The status page over a store, without the daemon",
        (("watcher web --listen 127.0.0.1:9000", "until Ctrl-C"),),
    ),
    "schema": HelpPage(
        "The JSON Schema of the configuration, rules or tests",
        (
            ("watcher schema > watcher.schema.json", "for an editor"),
            ("watcher schema --rules", "with what templates may use"),
        ),
    ),
    "docs": HelpPage(
        "The documentation, without a browser",
        (
            ("watcher docs", "its pages"),
            ("watcher docs reference/rules#rules.match", "a part of one"),
            ("watcher docs quiet hours", "where that is explained"),
        ),
    ),
    "backup": HelpPage(
        "A verified copy of the store, while the daemon runs",
        (('watcher backup "/backups/watcher-$(date +%F).db"', "one a day"),),
    ),
    "version": HelpPage(
        "The version of watcher and of what it runs on",
        (("watcher version --json", "for a report of a fault"),),
    ),
    "audit": HelpPage(
        "Who did what, when and from where",
        (
            ("watcher audit --since 24h", "what people did since yesterday"),
            ("watcher audit --action silence --json", "every silence, for a script"),
        ),
    ),
    "import": HelpPage(
        "Take over what another program knows: wallets",
        (("watcher import wallets accounts.csv", "a watch list from another program's file"),),
    ),
    "import wallets": HelpPage(
        "Wallets from a CSV file of another program",
        (
            ("watcher import wallets accounts.csv --chains ethereum", "where the file names no chain"),
            ("watcher import wallets liste.csv --column address=Adresse", "a column of another name"),
        ),
    ),
    "store": HelpPage(
        "Bring the store up to date, or copy it into another one",
        (
            ("watcher store migrate", "before the machines of a cluster are upgraded"),
            ("watcher store copy --to /etc/watcher/credentials/postgresql", "moves to a database"),
        ),
    ),
    "store copy": HelpPage(
        "The whole store in another place, compared afterwards",
        (
            ("watcher store copy --to /etc/watcher/credentials/postgresql", "its URL is in the file"),
            ("watcher store copy --from sqlite:watcher.db --to sqlite:copy.db", "between two files"),
            ("watcher store copy --to sqlite:watcher.db", "back to a file"),
        ),
    ),
    "store migrate": HelpPage(
        "Bring the store to this version",
        (
            ("watcher store migrate", "as `watcher run` does when it starts"),
            ("watcher store migrate -c /etc/watcher/watcher.yaml", "as root: the service's"),
        ),
    ),
    "silence": HelpPage(
        "Tell nobody of what matches, for a while",
        (
            ("watcher silence add --wallet 'gas-*' --for 2h", "some wallets"),
            ("watcher silence list", "what is in force"),
        ),
    ),
    "silence add": HelpPage(
        "Silence what matches",
        (
            ("watcher silence add --wallet 'gas-*' --for 2h --comment migration", "some wallets"),
            ("watcher silence add --rule gas-low --severity warning --for 30m", "one rule"),
        ),
    ),
    "silence list": HelpPage(
        "Silences in force",
        (("watcher silence list --all", "those that are over, too"),),
    ),
    "silence expire": HelpPage(
        "End silences now",
        (("watcher silence expire 5d1c07aa", "people are told again of what still fires"),),
    ),
}  # fmt: skip
"""Verb → its page."""

WHERE = """\
Start with: watcher demo. Then: watcher init, watcher check, watcher run.

\b
Files:        ./watcher.yaml, else /etc/watcher/watcher.yaml; -c FILE names another
Environment:  WATCHER_LOG_LEVEL, NO_COLOR, and each ${VAR} of the configuration
Exit codes:   0 done, 1 failed, 2 wrong usage, 78 invalid configuration
              (status: 0 ok, 1 warning, 2 critical, 3 unknown)
"""
