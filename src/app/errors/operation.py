"""What can go wrong while the layer is in use, outside of a provider."""

from __future__ import annotations

from app.errors.root import PointsmanError


class EnrolmentUnavailable(PointsmanError):
    """The store of enrolled keys can't be asked, so no sent key may be used."""

    http_status = 503
    public_message = "your key can't be checked at the moment; try again later"


class InvalidBudget(PointsmanError):
    """A call was given a deadline, a number of attempts or another limit that makes no sense."""


class ModelDetached(PointsmanError):
    """A routed model that was loaded from its description (a pickle, LangChain's `load`) is called."""

    def __init__(self, feature: str) -> None:
        self.feature = feature
        super().__init__(
            f"this model for feature {feature!r} is a description without its container: "
            "ask the llm_service of this process for it with get_llm"
        )


class ResourceClosed(PointsmanError):
    """Something was asked of a container, a cache or a server that was closed."""

    http_status = 503
    public_message = "this service is closing; try again"


class TransportRefused(PointsmanError):
    """The shared transport would not send this request."""


class RealRequestForbidden(TransportRefused):
    """A test forbids requests to providers, and something tried to send one."""


class ScriptExhausted(PointsmanError):
    """A model that a test has scripted was called more often than its script has answers."""

    def __init__(self, feature: str, answers: int) -> None:
        self.feature, self.answers = feature, answers
        noun = "answer" if answers == 1 else "answers"
        super().__init__(f"the script of {feature!r} has {answers} {noun}, and was asked for one more")


class InputError(PointsmanError):
    """A file or a line of it that can't be used, with its place."""

    http_status = 400
    public_message = "what was given can't be read"
