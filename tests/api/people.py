"""Users for tests: signed in without the cost of a password, each unknown to every other test."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from bson import ObjectId

from app.auth.signing import TokenSigner
from app.common.keys import read_private_key


class Served(Protocol):
    """Where people are known: at a stack of this computer, or at a cluster's gateway."""

    gateway_url: str
    private_key: Path  # which signs their tokens


def client(url: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=20, trust_env=False, **options)


@dataclass
class Person:
    """`anna.at(url)` is a client of hers at one instance; `anna.gateway` the one that everybody else uses."""

    stack: Served
    id: str
    token: str
    trust: ssl.SSLContext | bool = True  # whose certificates are believed
    _clients: dict[str, httpx.Client] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def gateway(self) -> httpx.Client:
        return self.at(self.stack.gateway_url)

    def at(self, url: str) -> httpx.Client:
        if url not in self._clients:
            self._clients[url] = client(url, headers=self.headers, verify=self.trust)
        return self._clients[url]

    def add(self, title: str, url: str | None = None, **fields: Any) -> dict[str, Any]:
        response = self.at(url or self.stack.gateway_url).post("/tasks", json={"title": title, **fields})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()
        return task

    def titles(self, url: str | None = None) -> list[str]:
        response = self.at(url or self.stack.gateway_url).get("/tasks")
        assert response.status_code == 200, response.text
        return [task["title"] for task in response.json()]

    def cached(self, url: str | None = None) -> str:
        return str(self.at(url or self.stack.gateway_url).get("/tasks").headers["X-Cache"])

    def close(self) -> None:
        for each in self._clients.values():
            each.close()
        self._clients.clear()


class People:
    def __init__(self, stack: Served, *, trust: ssl.SSLContext | bool = True) -> None:
        self._stack, self._trust = stack, trust
        key = read_private_key(stack.private_key)
        self._signer = TokenSigner(lambda: key, "taskyard", "taskyard", 900)
        self.all: list[Person] = []

    def new(self) -> Person:
        identity = str(ObjectId())
        token = self._signer.token(identity, secrets.token_urlsafe(16))
        person = Person(self._stack, identity, token, self._trust)
        self.all.append(person)
        return person

    def close(self) -> None:
        for person in self.all:
            person.close()
