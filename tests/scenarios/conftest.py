"""Every story is told on every persistence and under both runners."""

from tests.support.fixtures import open_shop, open_way, persistence, shop

__all__ = ["open_shop", "open_way", "persistence", "shop"]
