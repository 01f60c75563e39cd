"""What happened, in order: each answer, each fault, each thing that broke a rule; in memory for a story and as JSON lines in a file."""

import collections
import json
import threading
import time


class History:
    def __init__(self, path, keep=200000):
        self.began = time.monotonic()
        self.file = open(path, "w", encoding="utf-8")
        self.path = path
        self.lock = threading.Lock()
        self.events = collections.deque(maxlen=keep)
        self.violations = []
        self.counts = collections.Counter()

    def at(self, moment):
        return round(moment - self.began, 4)

    def note(self, what, **fields):
        event = {"t": self.at(fields.pop("recv", None) or time.monotonic()), "what": what, **fields}
        for name in ("sent",):
            if name in event:
                event[name] = self.at(event[name])
        with self.lock:
            self.events.append(event)
            self.counts[f"{what} {fields['status']}" if "status" in fields else what] += 1
            self.file.write(json.dumps(event, default=str) + "\n")

    def violate(self, rule, family=None, **fields):
        self.note("VIOLATION", rule=rule, family=family, **fields)
        with self.lock:
            self.violations.append(self.story(rule, family, fields))
            self.file.flush()

    def story(self, rule, family, fields):
        """Everything of this family, and what else was going on around the end of it."""
        now = self.at(time.monotonic())
        lines = [f"--- {rule}: {json.dumps(fields, default=str)}"]
        for event in self.events:
            own = family is not None and event.get("family") == family
            around = event["what"] in ("fault", "manage", "client", "stall") and event["t"] > now - 40
            if own or around:
                lines.append(("  * " if own else "    ") + json.dumps(event, default=str))
        return "\n".join(lines[:1] + lines[-150:])

    def close(self):
        with self.lock:
            self.file.close()
