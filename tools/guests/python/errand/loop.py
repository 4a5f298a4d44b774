"""`asyncio` without a system to wait for: who sleeps wakes in order, and no time passes."""

import asyncio
from asyncio import events

from errand import closed


class Loop(asyncio.BaseEventLoop):
    """Its clock goes on to the next thing that is due."""

    def __init__(self):
        super().__init__()
        self._now = 0.0
        self._selector = self

    def time(self):
        return self._now

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("what is awaited never comes: nothing is left that could go on")
        self._now += timeout
        return []

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def run_in_executor(self, executor, func, *args):
        """There are no threads: it is done before its turn ends."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except StopIteration as error:
            future.set_exception(RuntimeError(str(error)))
        except Exception as error:
            future.set_exception(error)
        return future

    def add_signal_handler(self, sig, callback, *args):
        pass

    def remove_signal_handler(self, sig):
        return False

    async def subprocess_exec(self, *_, **__):
        raise PermissionError(closed.PROCESS)

    subprocess_shell = subprocess_exec

    async def create_connection(self, *_, **__):
        raise PermissionError(closed.NETWORK)

    create_server = create_datagram_endpoint = create_unix_connection = create_unix_server = create_connection


class _Policy(events._BaseDefaultEventLoopPolicy):
    _loop_factory = Loop

    def get_event_loop(self):
        if self._local._loop is None:
            self.set_event_loop(self.new_event_loop())
        return self._local._loop


def install():
    events._event_loop_policy = _Policy()
    asyncio.EventLoop = asyncio.SelectorEventLoop = Loop
