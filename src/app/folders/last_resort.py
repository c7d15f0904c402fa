"""What filing does without a model, by the name that the catalog calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FEATURE: Final = "conv_folder"
CATEGORY_OR_DEFAULT: Final = "category_or_default_folder"
"""The folder that is home to the conversation's category, else the one marked default, else none."""
LAST_RESORTS: Final[Mapping[str, frozenset[str]]] = {FEATURE: frozenset({CATEGORY_OR_DEFAULT})}
"""The names that a feature's `last_resort` may have. Where there is none, a failed plan is an error."""
