"""How request handlers use the container: `uvicorn examples.handlers:create_app --factory`."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from app.containers import Container, running
from app.errors import ModelCallFailed, PointsmanError, ScopeError, UserKeyRejected
from app.folders import Assignment, Conversation, Folder
from app.llm import RequestScope, request_scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY_HEADERS = {name.lower(): f"X-BYOK-{name}" for name in ("OpenAI", "Anthropic", "Gemini", "OpenRouter")}


class Filing(BaseModel):
    """A conversation and its user's folders."""

    folders: list[Folder]
    conversation: Conversation


async def in_scope(request: Request) -> AsyncIterator[RequestScope]:
    """Make the user and the keys of this request the ambient scope of its handler."""
    sent = request.headers
    keys = {name: sent[header] for name, header in KEY_HEADERS.items() if header in sent}
    # Your authentication knows who asks; a header stands for it here.
    with request_scope(RequestScope(user_id=sent.get("X-User"), keys=keys)) as scope:
        yield scope


InScope = Annotated[RequestScope, Depends(in_scope)]


def create_app(container: Any = None) -> FastAPI:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Return the application over a container; a test gives one with parts replaced."""
    parts = container or Container()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with running(parts):
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/conversations/file")
    async def file_conversation(filing: Filing, _: InScope) -> Assignment:
        return await parts.folder_assigner().aassign(filing.folders, filing.conversation)

    @app.post("/chat")
    async def chat(question: dict[str, str], _: InScope) -> StreamingResponse:
        chunks = parts.llm_service().get_llm("chat_responses").astream(question["text"])
        first = await anext(chunks)  # what fails, fails while there is still a status to say so

        async def answer() -> AsyncIterator[str]:
            yield str(first.text)
            async for chunk in chunks:
                yield str(chunk.text)

        return StreamingResponse(answer(), media_type="text/plain")

    @app.exception_handler(PointsmanError)
    async def explain(_: Request, error: PointsmanError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_of(error))

    return app


def status_of(error: PointsmanError) -> int:
    """Return 400 for a user's key, 502 for a provider that failed, 503 for what an operator mends."""
    if isinstance(error, ScopeError | UserKeyRejected):
        return 400
    return 502 if isinstance(error, ModelCallFailed) else 503
