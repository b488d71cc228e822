"""A store whose process ends at a write."""

from elec_assets.clients.store import Store


class Crash(BaseException):
    """The process ends here."""


class Fragile(Store):
    """A store whose process is killed before or after its n-th write."""

    def __init__(self, store: Store, writes: int, *, after: bool) -> None:
        self.__dict__.update(store.__dict__)
        self._left = writes
        self._after = after

    def _write(self, key: str, data: bytes, *, create: bool) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crash
        super()._write(key, data, create=create)
        if self._left == 0:
            raise Crash
