"""Filing a conversation into one of a user's folders."""

from __future__ import annotations

from app.folders.models import Assignment, Conversation, Folder, FolderAnswer
from app.folders.policy import FolderPolicy
from app.folders.scoring import ScoredChoice
from app.folders.service import FolderAssigner

__all__ = [
    "Assignment",
    "Conversation",
    "Folder",
    "FolderAnswer",
    "FolderAssigner",
    "FolderPolicy",
    "ScoredChoice",
]
