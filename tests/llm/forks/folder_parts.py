"""Ways to ask for a folder, each with work in the middle of its use."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from app.folders import Conversation, Folder, FolderPolicy
from app.folders.asking import Question
from app.folders.context import keyed
from app.folders.scoring import ScoredChoice
from app.folders.written_choice import WrittenChoice
from app.testing import ScriptedChatModel
from tests.llm.forks.holding import SlowName

if TYPE_CHECKING:
    from tests.llm.forks.holding import FirstWaits, Part

QUESTION = Question(
    ScriptedChatModel(answers={"folder_id": "f1", "confidence": 0.9, "reasoning": "r"}),
    "a route",
    keyed([Folder(id="a1", name="Work")]),
    Conversation(title="t", overview="o"),
    FolderPolicy(),
)


class SlowFolders(dict[str, Folder]):
    """Folders that take their time to be counted."""

    def __init__(self, work: FirstWaits) -> None:
        super().__init__(QUESTION.folders)
        self._work = work

    def __len__(self) -> int:
        self._work()
        return super().__len__()


def written_choice(work: FirstWaits) -> Part:
    part = WrittenChoice()
    return part, partial(part.ask, replace(QUESTION, folders=SlowFolders(work)))


def scored_choice(work: FirstWaits) -> Part:
    part = ScoredChoice()
    return part, partial(part.ask, replace(QUESTION, route=SlowName("a route", work)))


FOLDER_PARTS = (written_choice, scored_choice)
