"""Which metrics the code declares, and which a PromQL query asks for: both with their labels.

Read from the source, so that a renamed metric or label breaks whoever still asks for the old one.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECLARERS = {"Counter", "Gauge", "Histogram", "Summary"}
FAMILIES = {"GaugeMetricFamily", "CounterMetricFamily"}
SUFFIXES = {"Counter": ("_total",), "Histogram": ("_bucket", "_sum", "_count"), "Summary": ("_sum", "_count")}
# What others tell: Prometheus itself, and APISIX's plugin.
FOREIGN: dict[str, set[str] | None] = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "apisix_http_status": {"code", "route"},
}
# What prometheus.yml adds to everything, and histograms to their buckets.
EVERYWHERE = {"job", "instance", "service", "le"}
_WORDS = {"by", "on", "without", "ignoring", "unless", "and", "or", "bool", "offset", "group_left"}

Labels = set[str] | None
"""None: they are not written as a literal, so any may be asked for."""


def declared() -> dict[str, Labels]:
    """Every metric of the suite by the name that Prometheus stores, with its labels."""
    found: dict[str, Labels] = dict(FOREIGN)
    for file in (*ROOT.glob("common/**/*.py"), *ROOT.glob("*-service/**/*.py")):
        if "tests" not in file.parts and "prometheus_client" in (text := file.read_text()):
            for call in ast.walk(ast.parse(text)):
                found.update(_metric(call))
    return found


def _metric(node: ast.AST) -> dict[str, Labels]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
        return {}
    kind, first = node.func.id, node.args[0]
    if kind not in DECLARERS | FAMILIES or not isinstance(first, ast.Constant):
        return {}
    given = [word.value for word in node.keywords if word.arg in ("labels", "labelnames")]
    labels = _labels(node.args[2] if len(node.args) > 2 else given[0] if given else None)
    suffixes = SUFFIXES.get(kind.removesuffix("MetricFamily"), ("",))
    return {f"{first.value}{suffix}": labels for suffix in suffixes}


def _labels(node: ast.expr | None) -> Labels:
    if node is None:
        return set()
    return set(ast.literal_eval(node)) if isinstance(node, ast.List) else None


def asked(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that `query` names, with the labels it selects or groups by."""
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query))))
    plain = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", " ", query)
    plain = re.sub(r"\[[^\]]*\]", " ", plain)
    for name, braces in re.findall(r"([A-Za-z_:][\w:]*)\s*(\{[^}]*\})?(?!\w*\s*\()", plain):
        if name not in _WORDS and not _is_part_of_text(plain, name):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", braces)) | grouped


def _is_part_of_text(query: str, name: str) -> bool:
    """Inside quotes or braces: a value or a label, not a metric."""
    return name not in re.sub(r"\{[^}]*\}|\"[^\"]*\"", " ", query)
