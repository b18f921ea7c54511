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
        now = mongo.now()
        document: Document = {
            "email": email,
            "password_hash": password_hash,
            "password_set_at": now,
            "created_at": now,
        }
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

    async def change(self, user: User, changes: dict[str, Any], session: Session) -> User | None:
        """Change the user, unless the password was changed in between or the user is gone: None.

        It is a write even if it changes nothing much, so that of two transactions about one user the second
        begins again and sees what the first has done. Raises EmailTakenError.
        """
        unchanged = {"_id": ObjectId(user.id), "password_set_at": user.password_set_at}
        try:
            document = await self._users.find_one_and_update(
                unchanged, {"$set": changes}, return_document=True, session=session
            )
        except DuplicateKeyError:
            raise EmailTakenError from None
        return _user(document) if document else None

    async def delete(self, user_id: str, session: Session) -> bool:
        result = await self._users.delete_one({"_id": ObjectId(user_id)}, session=session)
        return result.deleted_count > 0


def _user(document: Document) -> User:
    return User(
        str(document["_id"]),
        document["email"],
        document["password_hash"],
        document["password_set_at"],
        document["created_at"],
    )
