"""What answers leave out from the first one on is told, with a remedy, and is asked for ever more rarely."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.fakes import START
from tests.service.test_fault_isolation import address, bench
from watcher.domain.model import Account, Wallet

NEW = Account("s", "ethereum", address(500))
DAY = timedelta(days=1)


async def test_an_account_that_no_answer_ever_has_is_told_once_and_costs_ever_less(tmp_path: Path) -> None:
    async with bench(tmp_path, "coinstats") as b:
        b.sim.faults.add("omit-wallet", "coinstats", address=NEW.address)
        b.wallets[NEW] = Wallet("new", "s", NEW.address)
        await b.run(60)

        told = [title for _, title in await b.told()]
        assert len(told) == 1
        assert "new on ethereum: was never read, though s has answered since" in told[0]
        assert "see that its address and chain are right" in told[0]
        asked = [at for at, request, _ in b.sent if NEW in request.accounts]
        assert len(asked) <= 10, "with twice the distance each time"
        assert [len(request.accounts) for _, request, _ in b.sent if NEW in request.accounts][-1] == 1

        await b.start()  # what was found out outlives the process
        await b.run(30)
        assert len(b.sent) >= 30
        assert sum(NEW in request.accounts for _, request, _ in b.sent) <= 1
        known = b.poller.isolation.suspects.get(NEW)
        assert known is not None
        assert known.apart is not None

        b.sim.faults.clear()
        b.sim.world.set_amount(NEW.address, "ethereum", "ETH", "100", symbol="ETH", price="3000")
        await b.run(130)
        assert any("can be read again" in title for _, title in await b.told())
        assert await b.store.spent("s", START - DAY) == b.sim.coinstats.credits_used


async def test_the_distance_grows_to_a_day() -> None:
    from watcher.domain.readings.fault_isolation import FailingAccounts

    known, now, waits = FailingAccounts(), START, []
    for _ in range(15):
        known.alone([NEW], "omitted", now, paid=True)
        found = known.get(NEW)
        assert found is not None
        assert found.apart is not None
        waits.append(found.apart.distance)
        now = found.apart.until
    assert waits[:5] == [timedelta(minutes=minutes) for minutes in (0, 1, 2, 4, 8)]
    assert waits[-1] == DAY
    again = FailingAccounts()
    again.load(known.dump(), NEW.source, [NEW])
    assert again.get(NEW) == known.get(NEW), "also after a restart"
