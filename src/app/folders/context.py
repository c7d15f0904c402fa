"""The context of a question: what strangers wrote, as data, one line a folder, each with a short key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.folders.models import Conversation, Folder

LONGEST = {"name": 120, "description": 400, "title": 400, "category": 80, "overview": 8000}
"""Characters of each text that are shown. What is longer is cut: a stranger's text has no say in the bill."""
JOINERS = "\u200c\u200d"
"""Invisible characters that spelling needs (Persian, emoji); all other invisible ones are blanks to us."""
DEFAULT_MARK = "(DEFAULT - use when no other folder matches)"


def keyed(folders: Sequence[Folder]) -> dict[str, Folder]:
    """Return the folders under the short keys of one request: f1, f2, ...

    A key costs a fraction of an opaque id's tokens, and two folders with the same id or name stay apart.
    """
    return {f"f{number}": folder for number, folder in enumerate(folders, 1)}


def shown(folders: Mapping[str, Folder], conversation: Conversation) -> str:
    """Return the user message. No text in it can open or close a tag, or begin a line of its own."""
    lines = [_folder_line(key, folder) for key, folder in folders.items()]
    about = [
        f"Title: {one_line(conversation.title, 'title')}",
        f"Category: {one_line(conversation.category or 'none', 'category')}",
        f"Overview: {one_line(conversation.overview, 'overview')}",
    ]
    return "\n".join(["<folders>", *lines, "</folders>", "", "<conversation>", *about, "</conversation>"])


def one_line(text: str, field: str) -> str:
    """Return a stranger's text on one line, cut to the field's length, unable to write a tag."""
    visible = (char if char.isprintable() or char in JOINERS else " " for char in text)
    flat = " ".join("".join(visible).split())
    longest = LONGEST[field]
    cut = flat if len(flat) <= longest else flat[: longest - 1] + "…"
    return cut.replace("<", "&lt;").replace(">", "&gt;")


def _folder_line(key: str, folder: Folder) -> str:
    name = json.dumps(one_line(folder.name, "name"), ensure_ascii=False)
    description = one_line(folder.description or "", "description") or "no description"
    parts = [f"- {key} | {name} -> {description}"]
    if folder.category_mapping and folder.category_mapping.strip():
        parts.append(f"[home for {one_line(folder.category_mapping, 'category')} conversations]")
    if folder.is_default:
        parts.append(DEFAULT_MARK)
    return " ".join(parts)
