"""What the processes of the server have counted, as Prometheus wants it."""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from timApp.util.measures import MEASURES, PARTS, SUM, Kind, Measure
from timApp.util.tally import Key


def metrics_of(totals: Mapping[Key, float]) -> Iterable[Metric]:
    """Return the metrics of numbers with these keys; what has no labels and is not there is 0."""
    by_measure: dict[str, dict[Key, float]] = {}
    for (name, *labels), number in totals.items():
        by_measure.setdefault(name, {})[tuple(labels)] = number
    for measure in MEASURES:
        numbers = by_measure.get(measure.name, {})
        if measure.kind is Kind.HISTOGRAM:
            yield _histogram(measure, numbers)
        else:
            if not measure.labels:
                numbers.setdefault((), 0)
            yield family(measure, numbers)


def family(measure: Measure, numbers: Mapping[Key, float]) -> Metric:
    """Return the metric of a counter or a gauge, of which the numbers are by its labels."""
    make = CounterMetricFamily if measure.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(measure.name, measure.help, labels=measure.labels)
    for labels, number in sorted(numbers.items()):
        metric.add_metric(labels, number)
    return metric


def _histogram(measure: Measure, numbers: Mapping[Key, float]) -> Metric:
    metric = HistogramMetricFamily(measure.name, measure.help, labels=measure.labels)
    for labels in sorted({labels[:-1] for labels in numbers}):
        counts = accumulate(numbers.get((*labels, part), 0) for part in PARTS)
        metric.add_metric(
            labels, list(zip(PARTS, counts, strict=True)), numbers.get((*labels, SUM), 0)
        )
    return metric
