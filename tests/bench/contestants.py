"""Who takes turns behind the gateway: the product, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import cpu_count

from tools.local_stack import LocalStack

Environment = dict[str, str]
_NOBODYS_PORT = 1  # "tcpmux": nothing listens there


def _product(stack: LocalStack, port: int) -> Environment:
    return stack.service_environment("tasks", port)


def _unlimited_product(stack: LocalStack, port: int) -> Environment:
    return {**_product(stack, port), "TASKYARD_TASKS_QUOTA": "1000000"}


def _without_redis(stack: LocalStack, port: int) -> Environment:
    return {**_product(stack, port), "TASKYARD_TASKS_REDIS_URL": f"redis://127.0.0.1:{_NOBODYS_PORT}"}


def _driver(stack: LocalStack, port: int) -> Environment:
    # As Motor comes, without what the product tells it.
    return {**_unlimited_product(stack, port), "MOTOR_MAX_WORKERS": str(5 * cpu_count())}


def _tutorial(stack: LocalStack, port: int) -> Environment:
    # A tutorial's Redis has one account that may do everything.
    return {**_product(stack, port), "TASKYARD_TASKS_REDIS_URL": stack.cache.url("admin")}


def _monolith(stack: LocalStack, port: int) -> Environment:
    return {**stack.service_environment("monolith", port), "TASKYARD_TASKS_QUOTA": "1000000"}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that listens on TASKYARD_PORT: a module, and what it is told."""

    name: str
    module: str
    environment: Callable[[LocalStack, int], Environment]


PRODUCT = Contestant("the product", "app.tasks", _unlimited_product)
WITHOUT_REDIS = Contestant("the product, Redis being away", "app.tasks", _without_redis)
BARE = Contestant("bare ASGI", "tests.bench.bare", _product)
TUTORIAL = Contestant("tutorial", "tests.bench.tutorial", _tutorial)
MONOLITH = Contestant("the monolith without a cache", "tests.bench.monolith", _monolith)
DRIVER = Contestant("driver alone", "tests.bench.driver", _driver)
