"""HTTP as uvicorn speaks it, but for what it answers to something that is no HTTP, and for trailers."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.common.problems import problem_response


class Protocol(HttpToolsProtocol):
    def on_headers_complete(self) -> None:
        """Begin the request. What comes behind its body is no header (RFC 9110, 6.5.1), and nobody sees it.

        uvicorn would add it to the headers, which the application may have read by then or not.
        """
        super().on_headers_complete()
        self.headers = []

    def send_400_response(self, msg: str) -> None:
        """Answer with a problem document, where uvicorn has plain text. The application sees none of it."""
        response = problem_response(400, msg, None, {"Connection": "close"})
        fields = [*self.server_state.default_headers, *response.raw_headers]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in fields)]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()
