"""A proxy that adds a token: the conformance suite sends none. What it passes on is otherwise as it came.

    proxy.py READY-FILE TOKEN

The file is what `errand serve --json` prints once it is ready; the port that this listens on is printed first."""

import asyncio
import json
import sys

READY, TOKEN = sys.argv[1], sys.argv[2]


async def copied(read, write):
    try:
        while data := await read.read(65536):
            write.write(data)
            await write.drain()
    except ConnectionError:
        pass
    finally:
        write.close()


async def passed(read, write):
    """One request a connection: the next one needs a token of its own."""
    try:
        head = await read.readuntil(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        lines[1:1] = [b"Authorization: Bearer " + TOKEN.encode(), b"Connection: close"]
        with open(READY) as ready:
            port = int(json.load(ready)["url"].rsplit(":", 1)[1])
        to_read, to_write = await asyncio.open_connection("127.0.0.1", port)
        to_write.write(b"\r\n".join(lines))
        sending = asyncio.create_task(copied(read, to_write))
        await copied(to_read, write)
        sending.cancel()
    except (asyncio.IncompleteReadError, ConnectionError):
        write.close()


async def main():
    server = await asyncio.start_server(passed, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
