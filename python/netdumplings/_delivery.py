"""Brings dumplings to a hub, whatever becomes of the hub meanwhile."""
import asyncio
import collections
import contextlib
import itertools
import json
import logging
import random
import threading
import time

from . import _websocket

FIRST_WAIT, LONGEST_WAIT = 0.25, 15.0  # seconds between two tries to connect
MANY = 256  # dumplings that are sent before the hub is asked whether it has them
ANSWER_TIMEOUT = 20  # seconds
REFUSALS = (1003, 1007, 1009)  # RFC 6455, section 7.4.1: not of this kind, not valid, too big


class HubDelivery:
    """A queue to a hub: put() takes a dumpling's JSON, a thread of its own connects, sends, and connects again.

    What is put waits in order and in bounded memory. A dumpling leaves when the hub has answered a ping that was sent
    behind it, so a hub that dies loses none that it had not read; those that it may have read are sent again.

        put = delivered + dropped + refused + waiting()

    put() may be called from any thread; all else from one.
    """

    def __init__(self, hub, hello, *, max_dumplings=200_000, max_bytes=64 << 20, name="netdumplings"):
        self.uri = _websocket.uri_of(hub)
        self.hello = hello
        self.max_dumplings, self.max_bytes = max_dumplings, max_bytes
        self.put_count = 0
        self.delivered = 0
        self.dropped = 0  # the queue was full: the newest are refused, those that wait keep their place
        self.refused = 0  # the hub will not have them: too long for it
        self.sent_again = 0
        self.ever_connected = False
        self._name = name
        self._logger = logging.getLogger("netdumplings.dumplingkitchen")
        self._waiting = collections.deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._full = False
        self._stopping = False
        self._idle = False
        self._at_once = MANY
        self._on_way = []  # sent, and not yet confirmed
        self._loop = self._work = self._ended = self._thread = None

    def start(self):
        _websocket.package()  # says now that it is missing
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="netdumplings delivery", daemon=True)
        self._thread.start()
        ready.wait()

    def put(self, text, wait_while=None):
        """False, and counted: the queue is full. It waits for room while wait_while() is true, which is asked now and then."""
        with self._changed:
            self.put_count += 1
            while wait_while is not None and not self._has_room(text) and wait_while():
                self._changed.wait(0.1)
            if not self._has_room(text):
                return self._drop()
            self._full = False
            self._waiting.append(text)
            self._bytes += len(text)
            if self._idle:
                self._idle = False
                self._tell(self._work)
        return True

    def waiting(self):
        with self._changed:
            return len(self._waiting)

    def finish(self, seconds):
        """Waits until all is delivered, at most so long, and ends the connection."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, seconds)
            self._changed.notify_all()
            self._tell(self._ended)
        if self._thread is not None:
            self._thread.join()

    def _has_room(self, text):  # JSON as Python writes it is ASCII: a character is a byte
        return len(self._waiting) < self.max_dumplings and self._bytes + len(text) <= self.max_bytes

    def _drop(self):
        self.dropped += 1
        if not self._full:
            self._full = True
            self._logger.warning("%s: The queue to the hub is full: dumplings are dropped, and counted", self._name)
        return False

    def _tell(self, event):
        if self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the thread has ended
            self._loop.call_soon_threadsafe(event.set)

    # --- in the thread ---

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)
        self._work, self._ended = asyncio.Event(), asyncio.Event()
        ready.set()
        try:
            self._loop.run_until_complete(self._until_ended())
        finally:
            _websocket.end_loop(self._loop)

    async def _until_ended(self):
        delivering = asyncio.ensure_future(self._keep_delivering())
        await self._ended.wait()
        self._stopping = True  # before Python 3.12 wait_for() may lose a cancellation
        delivering.cancel()  # wherever it waits: for a hub, for its answer
        await asyncio.gather(delivering, return_exceptions=True)

    async def _keep_delivering(self):
        tries = 0
        said = ("", 0.0)
        while not self._stopping:
            try:
                websocket = await _websocket.connect(self.uri)
            except _websocket.NoHub as problem:
                said = self._say_failed(str(problem), said)
                await self._pause(tries)
                tries += 1
                continue
            said = ("", 0.0)
            self.ever_connected = True
            self._logger.info("%s: Connected to the dumpling hub at %s", self._name, self.uri)
            before, since = self.delivered + self.refused, time.monotonic()
            await self._use(websocket)
            was_welcome = self.delivered + self.refused > before or time.monotonic() - since > LONGEST_WAIT
            tries = 0 if was_welcome else tries + 1  # a hub that takes nothing is not to be asked four times a second
            await self._pause(tries)

    async def _use(self, websocket):
        """Delivers until the connection is lost."""
        reader = asyncio.ensure_future(_websocket.discard(websocket))
        try:
            await websocket.send(json.dumps(self.hello))
            await self._deliver(websocket, reader)
        except (_websocket.package().exceptions.ConnectionClosed, asyncio.TimeoutError, TimeoutError) as problem:
            self._note_refusal(problem)
            self._logger.warning("%s: Lost connection to dumpling hub: %s", self._name, str(problem) or "it does not answer")
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await _websocket.close(websocket)

    async def _deliver(self, websocket, reader):
        while not self._stopping:
            self._on_way = self._oldest()
            if not self._on_way:
                await self._until_work_or(reader)
                if reader.done():
                    await websocket.ping()  # raises what has ended the connection
                continue
            for text in self._on_way:
                await websocket.send(text)
            await asyncio.wait_for(await websocket.ping(), ANSWER_TIMEOUT)
            self.delivered += self._let_go()
            self._at_once = min(MANY, self._at_once * 2)

    def _oldest(self):
        with self._changed:
            self._work.clear()
            self._idle = not self._waiting
            return list(itertools.islice(self._waiting, self._at_once))

    def _let_go(self):
        """Forgets what was on its way; says how many that were."""
        with self._changed:
            for text in self._on_way:
                self._waiting.popleft()
                self._bytes -= len(text)
            self._changed.notify_all()
        number, self._on_way = len(self._on_way), []
        return number

    def _note_refusal(self, problem):
        """A hub that will have no such message says so by closing. Which one it meant shows when they go one by one."""
        code = getattr(getattr(problem, "rcvd", None), "code", None)
        if code in REFUSALS and len(self._on_way) == 1:
            self.refused += self._let_go()
        else:
            self._at_once = 1 if code in REFUSALS else MANY
            self.sent_again += len(self._on_way)
        self._on_way = []

    async def _until_work_or(self, reader):
        work = asyncio.ensure_future(self._work.wait())
        try:
            await asyncio.wait({work, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()

    async def _pause(self, tries):
        """Doubles with every try; by chance between half and all of it, so that many do not come back at one moment."""
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**min(tries, 10)) * random.uniform(0.5, 1)
        await asyncio.sleep(wait)

    def _say_failed(self, problem, said):
        """Once a minute, or when it is another problem than the last."""
        now = time.monotonic()
        if problem == said[0] and now - said[1] < 60:
            return said
        self._logger.error("%s: There was a problem with the dumpling hub connection. Is nd-hub available? It is tried again.",
                           self._name)
        self._logger.error("%s: %s", self._name, problem)
        return problem, now
