"""Judges the rules of deploy/alerts.yml over figures that were really scraped.

Prometheus is no package of Python, so this reads the part of its language that the rules use:
selectors with matchers, `offset`, `increase`, `min_over_time`, `time()`, `-`, a number times a
figure, comparisons, `and` (also `on` some labels), `or`, `unless`, and parentheses. A promtool can
be asked to judge the same samples.
"""

import itertools
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

ALERTS: Final = Path(__file__).parents[2] / "deploy/alerts.yml"
#: Seconds between two samples, as deploy/prometheus.yml asks.
SCRAPE_S: Final = 15
#: How long Prometheus believes a sample, in seconds.
BELIEVED_S: Final = 300
#: Seconds between two samples where nothing changes, a multiple of SCRAPE_S.
RARELY_S: Final = 240
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}
_LASTING: Final = re.compile(r"min_over_time\(\w+\[(\d+[smh])\]")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w]))|(?P<range>\[\d+[smh]\])|(?P<span>\d+[smh]\b)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<labels>\{[^}]*\})|(?P<sign>==|!=|>=|<=|[-*<>(),]))"
)

#: The figures that a rule asks for.
NAMES: Final = re.compile(r"\b(?:up|process_start_time_seconds|twinstream_\w+)\b")
#: The end of the name of a figure that is a time in seconds since 1970.
TIME: Final = "_time_seconds", "_timestamp_seconds"
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


class Rule(NamedTuple):
    """One alert: its name, its expression, and how long that has to hold, in seconds."""

    name: str
    expr: str
    for_s: int

    @property
    def lasting_s(self) -> int:
        """For how long a state has to last until the alert fires."""
        return self.for_s + max((_span(one) for one in _LASTING.findall(self.expr)), default=0)


class Sample(NamedTuple):
    """The figures that one scrape found, by name and labels."""

    at_s: float
    figures: Mapping[tuple[str, Labels], float]


def rules() -> dict[str, Rule]:
    """Read the rules, by name."""
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    found = [Rule(r["alert"], r["expr"], _span(r.get("for", "0s"))) for r in group["rules"]]
    return {rule.name: rule for rule in found}


def scraped(text: str) -> dict[tuple[str, Labels], float]:
    """Read what a process serves at /metrics."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lasting(
    figures: Mapping[tuple[str, Labels], float], *, begin_s: float, upto_s: float
) -> list[Sample]:
    """Scrape the same figures again and again: often at first, then as rarely as is believed."""
    samples = []
    at_s = begin_s
    while at_s <= upto_s:
        samples.append(Sample(at_s, figures))
        at_s += SCRAPE_S if at_s - begin_s < 8 * SCRAPE_S else RARELY_S
    return samples


def fires(rule: Rule, samples: Sequence[Sample]) -> bool:
    """Tell whether the alert fires at any scrape: its expression has held for long enough."""
    since: dict[Labels, float] = {}
    for sample in samples:
        holding = _Evaluation(rule.expr, samples, sample.at_s).result()
        since = {labels: since.get(labels, sample.at_s) for labels in holding}
        if any(sample.at_s - begun >= rule.for_s for begun in since.values()):
            return True
    return False


class _Evaluation:
    """One evaluation of an expression at one moment, by descent through its grammar."""

    def __init__(self, expr: str, samples: Sequence[Sample], at_s: float) -> None:
        self._tokens = [
            (str(found.lastgroup), found[found.lastgroup])
            for found in _TOKEN.finditer(expr)
            if found.lastgroup is not None
        ]
        assert "".join(text for _, text in self._tokens) == "".join(expr.split()), expr
        self._samples = samples
        self._at_s = at_s

    def result(self) -> Vector:
        found = self._sets()
        assert not self._tokens, f"not understood: {self._tokens}"
        return found

    def _next(self, *texts: str) -> str | None:
        if self._tokens and (not texts or self._tokens[0][1] in texts):
            return self._tokens.pop(0)[1]
        return None

    def _kind(self, kind: str) -> str | None:
        return self._tokens.pop(0)[1] if self._tokens and self._tokens[0][0] == kind else None

    def _sets(self) -> Vector:
        left = self._comparison()
        while joined := self._next("and", "or", "unless"):
            on = self._label_names() if self._next("on") else None
            right = self._comparison()
            if joined == "or":
                left = {**right, **left}
            else:
                wanted = joined == "and"
                there = {_among(one, on) for one in right}
                left = {one: v for one, v in left.items() if (_among(one, on) in there) is wanted}
        return left

    def _label_names(self) -> set[str]:
        assert self._next("(")
        names = {self._kind("name") or ""}
        while self._next(","):
            names.add(self._kind("name") or "")
        assert self._next(")")
        return names

    def _comparison(self) -> Vector:
        left = self._difference()
        compared = self._next(*_COMPARISONS)
        if compared is None:
            return left
        factor = self._kind("number")
        if factor is None or self._next("*"):
            scale = float(factor or 1)
            right = {one: scale * value for one, value in self._difference().items()}
        else:
            right = dict.fromkeys(left, float(factor))
        holds = _COMPARISONS[compared]
        return {
            one: value for one, value in left.items() if one in right and holds(value, right[one])
        }

    def _difference(self) -> Vector:
        if self._next("time"):
            assert (self._next("("), self._next(")"), self._next("-")) == ("(", ")", "-")
            return {one: self._at_s - value for one, value in self._value().items()}
        return self._value()

    def _value(self) -> Vector:
        if self._next("("):
            inside = self._sets()
            assert self._next(")")
            return inside
        if function := self._next("increase", "min_over_time"):
            assert self._next("(")
            name, labels = self._selector()
            span = _span((self._kind("range") or "").strip("[]"))
            upto_s = self._at_s - self._offset()
            assert self._next(")")
            work, fewest = (_increase, 2) if function == "increase" else (_least, 1)
            series = self._series(name, labels, upto_s - span, upto_s)
            return {one: work(points) for one, points in series.items() if len(points) >= fewest}
        name, labels = self._selector()
        at_s = self._at_s - self._offset()
        series = self._series(name, labels, at_s - BELIEVED_S, at_s)
        return {one: points[-1][1] for one, points in series.items()}

    def _offset(self) -> int:
        return _span(self._kind("span") or "0s") if self._next("offset") else 0

    def _selector(self) -> tuple[str, list[tuple[str, str, str]]]:
        name = self._kind("name")
        assert name is not None, self._tokens
        matchers = re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', self._kind("labels") or "")
        return name, matchers

    def _series(
        self, name: str, matchers: Sequence[tuple[str, str, str]], after_s: float, upto_s: float
    ) -> dict[Labels, list[tuple[float, float]]]:
        found: dict[Labels, list[tuple[float, float]]] = {}
        for sample in self._samples:
            if after_s < sample.at_s <= upto_s:
                for (one, labels), value in sample.figures.items():
                    if one == name and all(_matches(dict(labels), *m) for m in matchers):
                        found.setdefault(labels, []).append((sample.at_s, value))
        return found


def _matches(labels: Mapping[str, str], label: str, matcher: str, wanted: str) -> bool:
    value = labels.get(label, "")
    if matcher == "=~":
        return re.fullmatch(wanted, value) is not None
    return (value == wanted) is (matcher == "=")


def _increase(points: Sequence[tuple[float, float]]) -> float:
    """Add up what a counter gained; a smaller value means that its process began again."""
    values = [value for _, value in points]
    return sum(new - old if new >= old else new for old, new in itertools.pairwise(values))


def _least(points: Sequence[tuple[float, float]]) -> float:
    return min(value for _, value in points)


def _among(labels: Labels, names: Collection[str] | None) -> Labels:
    """Keep the labels that are compared, all of them if none are named."""
    return labels if names is None else frozenset(one for one in labels if one[0] in names)


def _span(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def promtool_test(cases: Iterable[tuple[Rule, Sequence[Sample], bool]]) -> dict[str, Any]:
    """Write the same judgements as a file for `promtool test rules`, whose clock begins in 1970."""
    tests = []
    for rule, samples, expected in cases:
        names = set(NAMES.findall(rule.expr))
        keys = {key for sample in samples for key in sample.figures if key[0] in names}
        begin = samples[0].at_s
        total = int((samples[-1].at_s - begin) // SCRAPE_S) + 1
        by_place = {int((sample.at_s - begin) // SCRAPE_S): sample.figures for sample in samples}
        tests.append(
            {
                "interval": f"{SCRAPE_S}s",
                "name": f"{rule.name} {'fires' if expected else 'is silent'}",
                "input_series": [
                    {
                        "series": _written(name, labels),
                        "values": " ".join(
                            _number(
                                by_place.get(place, {}).get((name, labels)),
                                since=begin if name.endswith(TIME) else 0,
                            )
                            for place in range(total)
                        ),
                    }
                    for name, labels in sorted(keys, key=str)
                ],
                "promql_expr_test": [
                    {
                        # At any moment until then, as `fires` has it.
                        "expr": "count(count_over_time(ALERTS{alertname="
                        f'"{rule.name}",alertstate="firing"}}[{total * SCRAPE_S}s])) * 0 + 1',
                        "eval_time": f"{(total - 1) * SCRAPE_S}s",
                        "exp_samples": [{"labels": "{}", "value": 1}] if expected else [],
                    }
                ],
            }
        )
    return {"rule_files": [str(ALERTS)], "evaluation_interval": f"{SCRAPE_S}s", "tests": tests}


def _written(name: str, labels: Labels) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels))
    return f"{name}{{{inside}}}"


def _number(value: float | None, *, since: float) -> str:
    return "_" if value is None else repr(value - since).replace("nan", "NaN")
