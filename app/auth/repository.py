"""The users in MongoDB. The unique index, not a look beforehand, decides who gets an address."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from app.auth.models import User
from app.common import mongo
from app.common.mongo import Database, Document
from app.common.transactions import Session


class EmailTakenError(Exception):
    pass


class UserRepository:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._users = db["users"]

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._users.create_index("email", unique=True)

    async def ping(self) -> None:
        await mongo.ping(self._db)

    async def insert(self, email: str, password_hash: str) -> User:
        """Raises EmailTakenError."""
        document: Document = {"email": email, "password_hash": password_hash, "created_at": mongo.now()}
        async with mongo.deadline():
            try:
                result = await self._users.insert_one(document)
            except DuplicateKeyError:
                raise EmailTakenError from None
        return _user({**document, "_id": result.inserted_id})

    async def by_email(self, email: str) -> User | None:
        async with mongo.deadline():
            document = await self._users.find_one({"email": email})
        return _user(document) if document else None

    async def by_id(self, user_id: str) -> User | None:
        if not ObjectId.is_valid(user_id):
            return None
        async with mongo.deadline():
            document = await self._users.find_one({"_id": ObjectId(user_id)})
        return _user(document) if document else None

    async def replace_hash(self, user: User, password_hash: str) -> None:
        """Store a stronger hash, unless the password was changed in between."""
        async with mongo.deadline():
            await self._users.update_one(_unchanged(user), {"$set": {"password_hash": password_hash}})

    async def change(self, user: User, changes: dict[str, Any], session: Session) -> bool:
        """Change the user unless the password was changed in between. Raises EmailTakenError."""
        try:
            result = await self._users.update_one(_unchanged(user), {"$set": changes}, session=session)
        except DuplicateKeyError:
            raise EmailTakenError from None
        return result.matched_count > 0

    async def delete(self, user_id: str, session: Session) -> None:
        await self._users.delete_one({"_id": ObjectId(user_id)}, session=session)


def _unchanged(user: User) -> Document:
    return {"_id": ObjectId(user.id), "password_hash": user.password_hash}


def _user(document: Document) -> User:
    return User(str(document["_id"]), document["email"], document["password_hash"], document["created_at"])
