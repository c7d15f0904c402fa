"""Filing a conversation into one of a user's folders."""

from __future__ import annotations

from app.folders.last_resort import LAST_RESORTS
from app.folders.models import Assignment, Conversation, Folder, FolderAnswer
from app.folders.policy import FolderPolicy
from app.folders.service import FolderAssigner
from app.folders.ways_to_ask import ways_to_ask

__all__ = [
    "LAST_RESORTS",
    "Assignment",
    "Conversation",
    "Folder",
    "FolderAnswer",
    "FolderAssigner",
    "FolderPolicy",
    "ways_to_ask",
]
