"""What a release may hold: profiles, places of files, and thinning by the smallest hash."""

import hashlib

import polars as pl
import pytest

from elec_assets.domain.tables import COVERAGE, DAILY_SUMMARY, RELATED_QUERIES, TWEET_IDS, TWEETS, Kind, Table
from elec_assets.transforms import publication
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.manifest import Profile
from elec_assets.transforms.publication import PRODUCTS, TWEETS_PRODUCT, Thinning, place_of, published, thinning

FILLS: dict[Kind, object] = {
    Kind.STRING: "x",
    Kind.INTEGER: 1,
    Kind.FLOAT: 1.0,
    Kind.BOOLEAN: True,
    Kind.TIME: 1_800_000_000_000,
    Kind.STRINGS: ["x"],
}


def rows(table: Table, count: int, **given: list[object]) -> pl.DataFrame:
    filled = {c.name: given.get(c.name, [FILLS[c.kind]] * count) for c in table.columns}
    return pl.DataFrame(filled, schema=polars_schema(table), strict=False)


def tweets(ids: list[str]) -> pl.DataFrame:
    about: list[object] = [*(["ada"] for _ in ids[1:]), []]
    return rows(TWEETS, len(ids), tweet_id=list(ids), candidates=about)


def test_the_public_profile_leaves_ids_of_posts_about_candidates() -> None:
    made = published(tweets(["1", "2", "3"]), TWEETS_PRODUCT, "public", "2027_05")
    assert made.rows() == [("1", "2027_05"), ("2", "2027_05")]
    assert tuple(made.columns) == TWEET_IDS.names


def test_the_private_profile_leaves_all() -> None:
    frame = tweets(["1", "2"])
    assert published(frame, TWEETS_PRODUCT, "private", "2027_05").equals(frame)


def test_searches_that_name_a_handle_or_an_address_lose_their_words() -> None:
    queries: list[object] = ["ada lovelace", "@ada_l", "ada@mail.example"]
    links: list[object] = ["/trends?q=ada", "/trends?q=%40ada_l", "/trends?q=x"]
    product = next(p for p in PRODUCTS if p.stored is RELATED_QUERIES)
    made = published(rows(RELATED_QUERIES, 3, query=queries, link=links), product, "public", "2027_05")
    assert made["query"].to_list() == ["ada lovelace", None, None]
    assert made["link"].to_list() == ["/trends?q=ada", None, None]
    assert made["value"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("profile", ["public", "private"])
def test_every_file_of_a_release_has_its_table(profile: Profile) -> None:
    for product in PRODUCTS:
        for path in (product.weekly("fr_2027", "2027_05"), product.history("fr_2027")):
            place = place_of(path, profile)
            assert place is not None
            assert (place.table, place.election, place.product) == (product.table(profile), "fr_2027", product)
    daily = place_of("fr_2027/daily_summary.csv", profile)
    assert daily is not None
    assert daily.table is DAILY_SUMMARY


@pytest.mark.parametrize(
    "path",
    [
        "tweets.csv",
        "fr/twitter/2027_05.csv",
        "fr/twitter/2027-05.csv.gz",
        "fr/notes/2027_05.csv.gz",
        "fr/parquet/x.parquet",
    ],
)
def test_other_files_have_none(path: str) -> None:
    assert place_of(path, "public") is None


def test_no_text_is_among_the_public_columns() -> None:
    columns = {c.name for product in PRODUCTS for c in product.public.columns}
    assert columns.isdisjoint(
        {"text", "quoted_text", "author_id", "author_username", "author_name", "mentions", "urls"}
    )
    assert COVERAGE.names[0] in columns


def test_ids_within_the_limit_are_all_held() -> None:
    ids = pl.Series([str(n) for n in range(100)])
    assert thinning([ids, ids], most=100) == Thinning(1.0)
    assert Thinning().keeps(ids).all()
    assert len(Thinning().keeps(pl.Series([], dtype=pl.String))) == 0


def test_too_many_ids_are_thinned_by_the_smallest_hash() -> None:
    ids = pl.Series([str(n) for n in range(1000)])
    thin = thinning([ids], most=500)
    assert thin.fraction in (0.5, 0.375)
    held = ids.filter(thin.keeps(ids)).to_list()
    assert 300 < len(held) <= 500
    by_hash = sorted(ids.to_list(), key=lambda i: hashlib.sha256(i.encode()).hexdigest())
    assert set(held) == set(by_hash[: len(held)])


def test_thinning_is_nested_so_that_a_smaller_fraction_only_takes_away() -> None:
    ids = pl.Series([str(n) for n in range(2000)])
    held = [set(ids.filter(thinning([ids], most=most).keeps(ids))) for most in (1900, 900, 300, 20)]
    assert all(len(held[i]) > len(held[i + 1]) and held[i] > held[i + 1] for i in range(3))
    assert [len(each) <= most for each, most in zip(held, (1900, 900, 300, 20), strict=True)] == [True] * 4


def test_a_public_week_holds_the_thinned_ids_alone() -> None:
    ids = [str(n) for n in range(40)]
    made = published(tweets(ids), TWEETS_PRODUCT, "public", "2027_05", Thinning(0.5))
    assert made["tweet_id"].to_list() == [i for i in ids[:-1] if publication.id_hash(i) < 2**63]
