"""How request handlers use the container: `uvicorn examples.handlers:create_app --factory`."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from app.containers import Container, running
from app.errors import PointsmanError
from app.folders import Assignment, Conversation, Folder
from app.llm import BYOKMiddleware

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel


class Filing(BaseModel):
    """A conversation and its user's folders."""

    folders: list[Folder]
    conversation: Conversation


def user_of(scope: Mapping[str, Any]) -> str | None:
    """Return who asks. Your authentication knows; a header stands for it here."""
    found = dict(scope["headers"]).get(b"x-user")
    return found.decode("latin-1") if found else None


def create_app(container: Any = None) -> FastAPI:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Return the application over a container; a test gives one with parts replaced."""
    parts = container or Container()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with running(parts):
            yield

    app = FastAPI(lifespan=lifespan)
    # Every handler runs in the scope of its user and of the keys in the request's X-BYOK-* headers.
    app.add_middleware(BYOKMiddleware, entry=parts.byok_entry(), user_of=user_of, exempt=["/health"])
    app.add_exception_handler(PointsmanError, told_to_the_client)
    add_filing(app, parts)
    add_chat(app, parts)
    return app


def add_filing(app: FastAPI, parts: Any) -> None:  # noqa: ANN401 - as above
    """Add what files a conversation, and what says that the application is alive."""

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "fine"}

    @app.post("/conversations/file")
    async def file_conversation(filing: Filing) -> Assignment:
        filed: Assignment = await parts.folder_assigner().aassign(filing.folders, filing.conversation)
        return filed


def add_chat(app: FastAPI, parts: Any) -> None:  # noqa: ANN401 - as above
    """Add a chat over HTTP, one question a request, and a chat over a WebSocket."""

    @app.post("/chat")
    async def chat(question: dict[str, str]) -> StreamingResponse:
        chunks = parts.llm_service().get_llm("chat_responses").astream(question["text"])
        first = await anext(chunks)  # what fails, fails while there is still a status to say so

        async def answer() -> AsyncIterator[str]:
            yield str(first.text)
            async for chunk in chunks:
                yield str(chunk.text)

        return StreamingResponse(answer(), media_type="text/plain")

    @app.websocket("/chat")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        llm = parts.llm_service().get_llm("chat_responses")
        with suppress(WebSocketDisconnect):  # who leaves in the middle of an answer
            async for question in socket.iter_text():
                await answer_over(socket, llm, question)


async def answer_over(socket: WebSocket, llm: BaseChatModel, question: str) -> None:
    """Send an answer as it comes, and what went wrong if something did."""
    try:
        async for chunk in llm.astream(question):
            await socket.send_json({"chunk": str(chunk.text)})
    except PointsmanError as error:
        await socket.send_json({"error": error.to_dict()})
    await socket.send_json({"end": True})


async def told_to_the_client(_: Request, error: Exception) -> JSONResponse:
    """Return what a client may see of an error, with the status that the error says."""
    known = error if isinstance(error, PointsmanError) else PointsmanError()
    return JSONResponse({"error": known.to_dict()}, known.http_status)
