"""Line numbers of TOML keys: the parser of the standard library gives values only."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from app.llm.catalog.problems import Path


def lines_of_keys(source: bytes) -> dict[Path, int]:
    """Return the line (from 1) of every key and array element of a TOML document that parses."""
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    root = Parser(Language(tree_sitter_toml.language())).parse(source).root_node
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    for node in root.named_children:
        if node.type == "pair":
            _pair(node, (), lines)
        elif node.type in {"table", "table_array_element"}:
            _table(node, lines, counts)
    return lines


def _table(node: Node, lines: dict[Path, int], counts: dict[Path, int]) -> None:
    header, *body = node.named_children
    path = _indexed(_keys(header), counts)
    if node.type == "table_array_element":
        index = counts[path] = counts.get(path, -1) + 1
        _note(path, node, lines)
        path = (*path, index)
    _note(path, node, lines)
    for child in body:
        if child.type == "pair":
            _pair(child, path, lines)


def _indexed(path: Path, counts: dict[Path, int]) -> Path:
    """Return the path with the current index behind each array of tables that it goes through."""
    full: Path = ()
    for position, key in enumerate(path):
        full = (*full, key)
        if full in counts and position < len(path) - 1:
            full = (*full, counts[full])
    return full


def _pair(node: Node, parent: Path, lines: dict[Path, int]) -> None:
    key, value = node.named_children[0], node.named_children[-1]
    path = parent + _keys(key)
    _note(path, node, lines)
    _value(value, path, lines)


def _value(node: Node, path: Path, lines: dict[Path, int]) -> None:
    if node.type == "inline_table":
        for child in node.named_children:
            if child.type == "pair":
                _pair(child, path, lines)
    elif node.type == "array":
        elements = [child for child in node.named_children if child.type not in {"comment", "ERROR"}]
        for index, child in enumerate(elements):
            _note((*path, index), child, lines)
            _value(child, (*path, index), lines)


def _keys(node: Node) -> Path:
    if node.type == "dotted_key":
        return tuple(key for child in node.named_children for key in _keys(child))
    text = (node.text or b"").decode()
    if node.type == "quoted_key":
        return (next(iter(tomllib.loads(f"{text} = 0"))),)
    return (text,)


def _note(path: Path, node: Node, lines: dict[Path, int]) -> None:
    line = node.start_point.row + 1
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], line)
    if not isinstance(path[-1], int):
        lines[path] = min(lines[path], line)
