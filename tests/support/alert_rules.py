"""Judges the rules of deploy/alerts.yml over figures that were really scraped.

Prometheus is no package of Python, so this reads the part of its language that the rules use:
selectors with matchers, `offset`, `increase`, `deriv`, `time()`, `-`, comparisons with a number,
`and`, `or`, `unless`, and parentheses. A promtool can be asked to judge the same samples.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w]))|(?P<range>\[\d+[smh]\])|(?P<span>\d+[smh]\b)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<labels>\{[^}]*\})|(?P<sign>==|!=|>=|<=|[-<>()]))"
)

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


class Rule(NamedTuple):
    """One alert: its name, its expression, and how long that has to hold, in seconds."""

    name: str
    expr: str
    for_s: int


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
        while operator := self._next("and", "or", "unless"):
            right = self._comparison()
            if operator == "or":
                left = {**right, **left}
            else:
                wanted = operator == "and"
                left = {one: v for one, v in left.items() if (one in right) is wanted}
        return left

    def _comparison(self) -> Vector:
        left = self._difference()
        operator = self._next("==", "!=", ">", "<", ">=", "<=")
        if operator is None:
            return left
        number = float(self._kind("number") or "nan")
        holds: dict[str, Callable[[float], bool]] = {
            "==": lambda v: v == number,
            "!=": lambda v: v != number,
            ">": lambda v: v > number,
            "<": lambda v: v < number,
            ">=": lambda v: v >= number,
            "<=": lambda v: v <= number,
        }
        return {one: value for one, value in left.items() if holds[operator](value)}

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
        if function := self._next("increase", "deriv"):
            assert self._next("(")
            name, labels = self._selector()
            span = _span((self._kind("range") or "").strip("[]"))
            assert self._next(")")
            work = _increase if function == "increase" else _slope
            series = self._series(name, labels, self._at_s - span, self._at_s)
            return {one: work(points) for one, points in series.items() if len(points) > 1}
        name, labels = self._selector()
        at_s = self._at_s - (_span(self._kind("span") or "0s") if self._next("offset") else 0)
        series = self._series(name, labels, at_s - BELIEVED_S, at_s)
        return {one: points[-1][1] for one, points in series.items()}

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


def _matches(labels: Mapping[str, str], label: str, operator: str, wanted: str) -> bool:
    value = labels.get(label, "")
    if operator == "=~":
        return re.fullmatch(wanted, value) is not None
    return (value == wanted) is (operator == "=")


def _increase(points: Sequence[tuple[float, float]]) -> float:
    """Add up what a counter gained; a smaller value means that its process began again."""
    values = [value for _, value in points]
    return sum(new - old if new >= old else new for old, new in itertools.pairwise(values))


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line through the points, by least squares."""
    middle_at = sum(at for at, _ in points) / len(points)
    middle = sum(value for _, value in points) / len(points)
    spread = sum((at - middle_at) ** 2 for at, _ in points)
    return sum((at - middle_at) * (value - middle) for at, value in points) / spread


def _span(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def promtool_test(cases: Iterable[tuple[Rule, Sequence[Sample], bool]]) -> dict[str, Any]:
    """Write the same judgements as a file for `promtool test rules`."""
    tests = []
    for rule, samples, expected in cases:
        names = set(re.findall(r"\b(?:up|twinstream_\w+)\b", rule.expr))
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
                            _number(by_place.get(place, {}).get((name, labels)))
                            for place in range(total)
                        ),
                    }
                    for name, labels in sorted(keys, key=str)
                ],
                "promql_expr_test": [
                    {
                        "expr": "count(ALERTS{alertname="
                        f'"{rule.name}",alertstate="firing"}}) * 0 + 1',
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


def _number(value: float | None) -> str:
    return "_" if value is None else repr(value).replace("nan", "NaN")
