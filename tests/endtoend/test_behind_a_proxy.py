"""The product where the only way out is a proxy, and the API's authority is a private one."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from tests.certificates import Authority
from tests.endtoend.bench import COINSTATS_KEY, EVM, Installation
from tests.proxy import proxying

WALLET = {"address": EVM, "connectionId": "ethereum", "balances": []}


async def test_a_poll_goes_through_the_proxy_and_neither_learns_a_secret(
    there: Installation, tmp_path: Path
) -> None:
    authority, asked = Authority(tmp_path), []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.headers.get("X-API-KEY"))
        return web.json_response([WALLET])

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.serves()).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    there.edit(
        "watcher.yaml", f"base_url: {there.sim.url}/coinstats", f"base_url: {url}\n    proxy_file: proxy"
    )
    there.edit("watcher.yaml", "chains: [ethereum, base-wallet]", "chains: [ethereum]")
    async with proxying() as proxy:
        there.file("proxy").write_text(proxy.url.replace("//", "//someone:pr0xy-pass@") + "\n")
        there.env["SSL_CERT_FILE"] = str(authority.file)
        code, out, err = await there.verb("poll", "--wallet", "hot")
        assert (code, asked) == (0, [COINSTATS_KEY]), out + err
        assert COINSTATS_KEY.encode() not in proxy.read
        assert "Proxy-Authorization" in proxy.heads[0]
    # Now that the proxy is gone:
    code, out, err = await there.verb("poll", "--wallet", "hot")
    assert code == 1
    assert "the proxy 127.0.0.1" in out
    assert "connection refused" in out
    assert "pr0xy-pass" not in out + err
    assert there.query("SELECT sum(credits) FROM spending") == [(40,)]  # what was never sent costs nothing
    await runner.cleanup()
