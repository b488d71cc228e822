"""The page of a dataset as a person opens it in a browser: what the sandbox of Kaggle holds, and its files."""

from html import escape
from urllib.parse import quote, urlencode

from elec_assets.sandbox.kaggle_state import Dataset, StoredFile, Version

HTML_TYPE = {"Content-Type": "text/html; charset=utf-8"}
_STYLE = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}td{padding-right:2em}"


def page(dataset: Dataset, *, decompress: bool) -> bytes:
    """The dataset as HTML: its title and its versions, newest first, each with its files as people download them."""
    title = escape(str(dataset.settings["title"]))
    subtitle = escape(str(dataset.settings["subtitle"]))
    access = "private" if dataset.settings["isPrivate"] else "public"
    versions = "".join(_version(dataset, version, decompress=decompress) for version in reversed(dataset.versions))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{subtitle}</p>"
        f"<p>{escape(dataset.ref)}, {access}: in the sandbox of Kaggle on this machine, nothing was sent to Kaggle.</p>"
        f"{versions}</html>"
    ).encode()


def download_path(dataset: Dataset, version: Version, called: str, path: str) -> str:
    """Where a file of a version, or with an empty path its zip, is downloaded under the name it is called by."""
    query = f"?{urlencode({'file': path})}" if path else ""
    return f"/download/{dataset.ref}/{version.number}/{quote(called)}{query}"


def _version(dataset: Dataset, version: Version, *, decompress: bool) -> str:
    shown = sorted((file.shown(decompress=decompress) for file in version.files.values()), key=lambda file: file.path)
    files = "".join(_file(dataset, version, file) for file in shown)
    made = f"{version.created:%Y-%m-%d %H:%M} UTC, {version.status.lower()}"
    return f"<h2>Version {version.number}</h2><p>{escape(version.notes)}</p><p>{made}</p><table>{files}</table>"


def _file(dataset: Dataset, version: Version, file: StoredFile) -> str:
    name = file.path.rpartition("/")[2]
    link = download_path(dataset, version, name, file.path)
    return f'<tr><td><a href="{escape(link)}">{escape(file.path)}</a></td><td>{len(file.data):,} bytes</td></tr>'
