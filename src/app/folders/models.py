"""What goes into filing a conversation, and what comes out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal[
    "accepted",
    "low_confidence_accepted",
    "low_confidence_category_matched",
    "low_confidence_defaulted",
    "invalid_folder_id_category_matched",
    "invalid_folder_id_defaulted",
    "invalid_folder_id_unfiled",
    "model_failed_category_matched",
    "model_failed_defaulted",
    "model_failed_unfiled",
    "no_folders",
]
"""How an assignment came about: what the model's answer was worth, and what was done instead of it."""
AnsweredBy = Literal["model", "fallback", "nobody"]


class _Given(BaseModel):
    """What callers bring. Frozen and strict in its types; fields of other features are no concern of ours."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Folder(_Given):
    """One of a user's folders. `category_mapping` is the category of conversations that it is home to."""

    id: str = Field(min_length=1)
    name: str
    description: str | None = None
    is_default: bool = False
    category_mapping: str | None = None


class Conversation(_Given):
    """What is known of the conversation to file."""

    title: str
    overview: str
    category: str | None = None


class FolderAnswer(BaseModel):
    """A model's answer. A confidence outside 0..1 is refused, never clamped: it means nothing."""

    model_config = ConfigDict(frozen=True)

    folder_id: str
    confidence: float = Field(0.5, ge=0.0, le=1.0, allow_inf_nan=False)
    reasoning: str = ""


class Tokens(BaseModel):
    """Tokens that the model read and wrote for one assignment, as the provider counted them."""

    model_config = ConfigDict(frozen=True)

    read: int = 0
    written: int = 0


NotReported = Literal["not_reported"]
"""What stands for usage that no provider counted: absent usage is never 0 (R15)."""


class Assignment(BaseModel):
    """Where a conversation was filed, and how that came about.

    `folder_id` is the user's own id, or None if nothing fits and there is no fallback. `confidence` is 0..1.
    `answered_by` says whose choice the folder is. `failure` is the failure class if the model failed; what
    the failure said is never part of an assignment. `degraded_because` says why the plan's first hop didn't
    answer, whoever did: a failure class, `circuit_open` or `rate_limit`. `seconds` is wall time.
    """

    model_config = ConfigDict(frozen=True)

    folder_id: str | None
    folder_name: str | None
    confidence: float
    status: Status
    answered_by: AnsweredBy
    reasoning: str = ""
    failure: str | None = None
    degraded_because: str | None = None
    tokens: Tokens | NotReported = "not_reported"
    seconds: float = 0.0
