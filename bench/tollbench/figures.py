"""Figures: what was measured, what it must be, and the paired slices behind a ratio."""

import dataclasses
import statistics


@dataclasses.dataclass
class Figure:
    row: str
    title: str
    value: float
    required: float | None      # None: it is told, and nothing is asked of it
    at_most: bool = False       # required is an upper bound
    unit: str = ""
    errors: int = 0             # anything but the expected answer, in every slice
    samples: list = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)

    @property
    def reached(self):
        return self.required is None or (self.value <= self.required if self.at_most else self.value >= self.required)

    @property
    def ok(self):
        return self.reached and self.errors == 0 and not self.problems

    def problem(self, text):
        self.problems.append(text)

    def show(self, value):
        text = f"{value:.0f}" if self.unit == "requests" else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
        return f"{text} {self.unit}".strip() if self.unit != "requests" else text

    def as_json(self):
        return {"row": self.row, "figure": self.title, "measured": self.value, "required": self.required,
                "bound": "at most" if self.at_most else "at least", "unit": self.unit or "ratio", "errors": self.errors, "ok": self.ok,
                "samples": self.samples, "notes": self.notes, "problems": self.problems}


def table(figures):
    lines = ["| figure | measured | required | ok |", "| --- | --- | --- | --- |"]
    for f in figures:
        bound = "at most" if f.at_most else "at least"
        ok = "yes" if f.ok else "NO: " + "; ".join(
            ([] if f.reached else ["missed"]) + ([f"{f.errors} errors"] if f.errors else []) + f.problems)
        required = "" if f.required is None else f"{bound} {f.show(f.required)}"
        lines.append(f"| {f.title} | {f.show(f.value)} | {required} | {ok} |")
    return "\n".join(lines)


def alternate(pairs, first, second, say):
    """Runs first() and second() in turns (AB, BA, AB, ...), so that a drift of the machine hits both alike. Returns the paired results."""
    results = []
    for i in range(pairs):
        if i % 2 == 0:
            a = first()
            b = second()
        else:
            b = second()
            a = first()
        results.append((a, b))
        say(i, a, b)
    return results


def median(values):
    return statistics.median(values)
