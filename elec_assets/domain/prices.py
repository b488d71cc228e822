"""What X bills for what is read of it, at the prices of the settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for one post, one user and one request of the counts endpoint; zero where it is free.

    Users and posts sent along are counted: X does not say whether it bills them.
    """

    post_usd: float
    user_usd: float
    count_usd: float = 0.0

    def of(self, posts: int, users: int) -> float:
        """What so many cost."""
        return posts * self.post_usd + users * self.user_usd


FREE = Prices(0.0, 0.0)
