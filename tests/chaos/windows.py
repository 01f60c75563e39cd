"""When what was broken: the moments that excuse a 503, a lost connection, a node that lags."""

import threading
import time

# A statement or a connecting that was under way when its fault ended is given up 5.5 s after it began (src/store/postgres/connect.c), and tried again 0.1 s later: what was
# over longer ago than that excuses nothing any more.
RECOVERY = 6.0


class Window:
    def __init__(self, kind, place):
        self.kind, self.place = kind, place
        self.began = time.monotonic()
        self.ended = None

    def overlaps(self, since, until, after=RECOVERY):
        return self.began <= until and (self.ended is None or since <= self.ended + after)


class Windows:
    """place: a node's name, "postgres", "manager" or "machine"."""

    def __init__(self):
        self.all = []
        self.lock = threading.Lock()

    def open(self, kind, place):
        window = Window(kind, place)
        with self.lock:
            self.all.append(window)
        return window

    @staticmethod
    def shut(window):
        window.ended = time.monotonic()

    def excuse(self, places, since, until, kinds=None, after=RECOVERY):
        """The first window of these places that touches the span, or None."""
        with self.lock:
            for window in self.all:
                if window.place in places and (kinds is None or window.kind in kinds) and window.overlaps(since, until, after):
                    return window
        return None


class Stalls(threading.Thread):
    """Notices when the machine itself did not run us, or ran nobody: a sleep of 50 ms that took far longer."""

    LIMIT = 0.75

    def __init__(self, windows, history):
        super().__init__(daemon=True)
        self.windows, self.history = windows, history
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            before = time.monotonic()
            time.sleep(0.05)
            took = time.monotonic() - before
            if took > self.LIMIT:
                window = self.windows.open("stall", "machine")
                window.began, window.ended = before, before + took
                self.history.note("stall", took=round(took, 2))
