"""The filing policy: what an answer is worth, and where a conversation goes without one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.folders.models import AnsweredBy, Folder, Status


class Fallback(NamedTuple):
    """Where a conversation goes without a usable answer: a folder and the end of the status, or no folder."""

    folder: Folder | None
    ending: str


class Verdict(NamedTuple):
    """What the policy makes of an answer."""

    folder: Folder | None
    confidence: float
    status: Status

    @property
    def answered_by(self) -> AnsweredBy:
        """Whose choice the folder is."""
        if self.folder is None:
            return "nobody"
        return "model" if self.status in {"accepted", "low_confidence_accepted"} else "fallback"


def fallback(folders: Sequence[Folder], category: str | None) -> Fallback:
    """Return the folder that is home to the category, else the one marked default, else none.

    Categories are compared without regard to case and surrounding blanks.
    """
    wanted = _comparable(category)
    for folder in folders:
        if wanted and _comparable(folder.category_mapping) == wanted:
            return Fallback(folder, "category_matched")
    for folder in folders:
        if folder.is_default:
            return Fallback(folder, "defaulted")
    return Fallback(None, "unfiled")


class FolderPolicy(BaseModel):
    """The numbers of the policy, and the judgement that is made with them. Both numbers are 0..1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(0.7, ge=0.0, le=1.0)
    """A confidence strictly below this isn't enough where there is a fallback."""
    invalid_id_confidence: float = Field(0.3, ge=0.0, le=1.0)
    """The confidence of an assignment whose answer was not one of the user's folders."""

    def judge(
        self, folders: Sequence[Folder], category: str | None, chosen: Folder | None, confidence: float
    ) -> Verdict:
        """Return the verdict on a model's choice (None: not one of the user's folders) and confidence."""
        instead = fallback(folders, category)
        if chosen is None:
            return Verdict(instead.folder, self.invalid_id_confidence, _status("invalid_folder_id", instead))
        if confidence < self.threshold:
            if instead.folder is None:
                return Verdict(chosen, confidence, "low_confidence_accepted")
            return Verdict(instead.folder, confidence, _status("low_confidence", instead))
        return Verdict(chosen, confidence, "accepted")

    def without_answer(self, folders: Sequence[Folder], category: str | None) -> Verdict:
        """Return the verdict where the model failed."""
        instead = fallback(folders, category)
        return Verdict(instead.folder, 0.0, _status("model_failed", instead))


def _status(beginning: str, instead: Fallback) -> Status:
    return cast("Status", f"{beginning}_{instead.ending}")


def _comparable(category: str | None) -> str:
    return (category or "").strip().casefold()
