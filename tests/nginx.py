"""A real nginx on loopback, with https, as most people put it before a page: all else by its defaults."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.certificates import Authority

CONFIG = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {certificate};
    location {place} {{ proxy_pass {to}; }}
  }}
}}
"""


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def nginx(folder: Path, port: int, place: str, to: str) -> AsyncIterator[None]:
    """Hands on what is asked for below `place` to the address `to`, which may hold a path of its own."""
    certificate = Authority(folder).signs("127.0.0.1")
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, certificate=certificate, place=place, to=to))
    errors = folder / "nginx.log"
    process = await asyncio.create_subprocess_exec("nginx", "-e", errors, "-c", config)
    try:
        async with asyncio.timeout(20):
            while not await _listens(port):
                assert process.returncode is None, errors.read_text()
                await asyncio.sleep(0.02)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
