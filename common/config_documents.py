"""A document of the configuration centre: read strictly, and refused as a whole with every problem in it.

Room: plain. It judges text; where documents are kept is `common.config_store`, who acts on the values is
`common.live_settings`. A value is read by the same reader as the environment's variable, so both are written
alike. Problems never repeat a value: it may be a secret.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from common.live_table import ALIPAY_ACCOUNT
from common.setting_types import SUITE, Setting
from common.settings_table import SETTINGS

COMMON = "cfmp-common.yaml"
LARGEST_BYTES = 16 * 1024
# The document, a group in it (`alipay:`), a list in that.
DEEPEST = 3
_KNOWN = {row.name.lower(): row for row in SETTINGS}
_LIVE = {name: row for name, row in _KNOWN.items() if row.dynamic}
_NOT_BY_DOCUMENT = (
    "decides whom buyers pay or whose word is believed: set it in PaymentService's environment and restart, "
    "or allow documents to set it there with CONFIG_MAY_SET_ALIPAY=true"
)
_TO_DROP = "an empty document replaces nothing; to take every value back publish {}"


class DocumentRefused(ValueError):
    """Nothing in the document counts. `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@dataclass(frozen=True)
class Document:
    """An accepted document: values by setting, and each as text that may be shown (secrets by digest)."""

    data_id: str
    values: Mapping[str, Any]
    shown: Mapping[str, str]


def documents_of(service: str) -> tuple[str, str]:
    """The dataIds that `service` follows; the later one wins."""
    return COMMON, f"{service}.yaml"


def read_document(data_id: str, content: str, *, may_set_alipay: bool = False) -> Document:
    """Judge `content` as the document `data_id`. Raises DocumentRefused.

    `may_set_alipay` is what the environment says (CONFIG_MAY_SET_ALIPAY).
    """
    texts, problems = _texts(data_id, content)
    values = {}
    for name, text in texts.items():
        try:
            values[name] = _row(data_id, name).read(text)
        except ValueError as problem:
            problems.append(f"{name} {problem}")
        if name in ALIPAY_ACCOUNT and not may_set_alipay:
            problems.append(f"{name} {_NOT_BY_DOCUMENT}")
    if problems:
        raise DocumentRefused(problems)
    return Document(data_id, values, {name: shown(_LIVE[name], text) for name, text in texts.items()})


def shown(row: Setting, text: str) -> str:
    """`text` for people to read: of a secret only a digest, so that a change of it can be seen."""
    return f"*** (sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]})" if row.secret else text


def _row(data_id: str, name: str) -> Setting:
    """The setting `name`, when `data_id` may hold it. Raises ValueError."""
    row = _KNOWN.get(name)
    if row is None:
        close = get_close_matches(name, _LIVE, 1)
        raise ValueError(f"is not known{f'; did you mean {close[0]}?' if close else ''}")
    if not row.dynamic:
        kind = "a secret" if row.secret else "read once, at the start"
        raise ValueError(f"is {kind}: it belongs in the environment")
    if data_id == COMMON and row.secret:
        raise ValueError(f"is a secret: not for every service, put it in {_owners(row)}")
    if data_id != COMMON and data_id.removesuffix(".yaml") not in row.dynamic:
        raise ValueError(f"does nothing in this service: put it in {_owners(row)} or {COMMON}")
    return row


def _owners(row: Setting) -> str:
    return " or ".join(f"{service}.yaml" for service in sorted(row.dynamic))


def _texts(data_id: str, content: str) -> tuple[dict[str, str], list[str]]:
    if data_id != COMMON and data_id.removesuffix(".yaml") not in SUITE:
        raise DocumentRefused([f"{data_id} is no document of ours: {COMMON} or <Service>.yaml"])
    size = len(content.encode(errors="replace"))
    if size > LARGEST_BYTES:
        raise DocumentRefused([f"is too large: {size} bytes, at most {LARGEST_BYTES}"])
    texts: dict[str, str] = {}
    problems = []
    for name, text in _pairs(_root(content), ""):
        if name in texts:
            problems.append(f"{name} is given twice")
        texts[name] = text
    return texts, problems


class _StrictLoader(yaml.SafeLoader):
    """No anchors, no tags, no depth; and a plain value stays the text it is: `010`, `yes`, `1:30` and `.nan`
    mean here what they mean in the environment.
    """

    yaml_implicit_resolvers = {}
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _bad("anchors and aliases are not taken", event.start_mark)
        if event.tag:
            raise _bad("tags (!) are not taken", event.start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise _bad("is nested too deeply", event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _bad(problem: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _root(content: str) -> yaml.MappingNode:
    loader = None
    try:
        loader = _StrictLoader(content)
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise DocumentRefused([_where(error)]) from None
    finally:
        if loader is not None:
            loader.dispose()
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value.strip()):
        raise DocumentRefused([f"is empty: {_TO_DROP}"])
    if not isinstance(root, yaml.MappingNode):
        raise DocumentRefused(["must be a mapping: one `name: value` a line"])
    return root


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return "is not YAML: it has characters that no text has"


def _pairs(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, str]]:
    """Every setting in `node` with its text: `alipay.app-id`, a group `alipay:` and ALIPAY_APP_ID are one."""
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentRefused([f"line {key.start_mark.line + 1}: a name must be plain text"])
        name = prefix + re.sub(r"[.-]", "_", key.value.strip()).lower()
        if isinstance(value, yaml.MappingNode):
            yield from _pairs(value, f"{name}_")
        else:
            yield name, _text(value)


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value).strip()
    if all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return ",".join(str(item.value).strip() for item in node.value)
    raise DocumentRefused([f"line {node.start_mark.line + 1}: a list may hold only plain values"])
