"""The page's own data package: its tables, byte for byte, inside the HTML; and the way back.

The package is a JSON element of the page. A table that is in it is compressed (xz, base64); one
for which there is no room is named with its size and checksum.
"""

import base64
import hashlib
import html
import itertools
import json
import lzma
import re
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from irm_bench.storage import archives

FORMAT = "irm_bench data package 1"
LIMIT = 2_000_000  # bytes of a whole page
RESERVE = 60_000  # of these, for what is not yet written when the package is made
# A table this many times larger than the room that is left cannot fit.
BEST_RATIO = 16
# Tables this many times larger than the page may be are likely to fit, and begun at once.
SURE_RATIO = 3
# What a page of anyone may hold, whatever it says of itself: no page of this project has more.
MAX_PAGE = 20 * LIMIT
MAX_TABLE = BEST_RATIO * LIMIT
MAX_TABLES = 4 * MAX_TABLE
XZ_MEMORY = 2**27
BEGINS, ENDS = '<script type="application/json" id="data-package">', "</script>"
# Bounded, so that a page of nothing but beginnings takes no longer than any other.
LINK = re.compile(
    r'data-file="((?:figures|page)/\w{1,64}\.csv)" href="data:[^,"]{0,99},([^"]*)"', re.ASCII
)
NAME, SHA256 = re.compile(r"\w{1,64}", re.ASCII), re.compile(r"[0-9a-f]{64}")


class PackageError(ValueError):
    """A file that is no page of this project, or whose package is damaged."""


@dataclass(frozen=True)
class Item:
    """A table of the package; ``data`` is empty where there was no room for it."""

    name: str
    rows: int
    size: int
    sha256: str
    data: str = ""

    @property
    def is_embedded(self) -> bool:
        return bool(self.data)

    def content(self) -> bytes:
        """The bytes of the CSV file.

        Raises:
            PackageError: if they are not those of the checksum.
        """
        try:
            packed = base64.b64decode(self.data, validate=True)
            press = lzma.LZMADecompressor(memlimit=XZ_MEMORY)
            unpacked = press.decompress(packed, max_length=self.size + 1)
        except (ValueError, EOFError, lzma.LZMAError) as error:
            raise PackageError(f"the table {self.name!r} of the page is damaged: {error}") from None
        if (
            not press.eof
            or len(unpacked) != self.size
            or hashlib.sha256(unpacked).hexdigest() != self.sha256
        ):
            raise PackageError(f"the table {self.name!r} of the page does not fit its checksum")
        return unpacked


class Press:
    """Packs the tables ``names`` of a folder, and compresses them while their page is being made.

    The tables ``first`` before the others, the smaller before the larger. As a context manager, it
    ends its thread.
    """

    def __init__(self, folder: Path, names: list[str], first: Collection[str]):
        self._names = names
        self._paths = {name: folder / f"{name}.csv" for name in names}
        self._sizes = {name: path.stat().st_size for name, path in self._paths.items()}
        self._order = sorted(names, key=lambda name: (name not in first, self._sizes[name]))
        self._pool = ThreadPoolExecutor(1)  # one is enough to be done before the page is
        self._begun: dict[str, Future[str]] = {}

    def __enter__(self) -> "Press":
        sizes = itertools.accumulate(self._sizes[name] for name in self._order)
        for name, total in zip(self._order, sizes, strict=True):
            if total <= SURE_RATIO * LIMIT:
                self._begun[name] = self._pool.submit(_compressed, self._paths[name])
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def pack(self, room: int) -> list[Item]:
        """The tables in the order of their names, embedded those that fit into ``room`` bytes."""
        items = {}
        for name in self._order:
            path, size = self._paths[name], self._sizes[name]
            data = self._data(name) if size < BEST_RATIO * room else ""
            data = data if len(data) <= room else ""
            room -= len(data)
            items[name] = Item(name, _rows(path), size, archives.digest(path), data)
        return [items[name] for name in self._names]

    def _data(self, name: str) -> str:
        begun = self._begun.get(name)
        return begun.result() if begun else _compressed(self._paths[name])


def _compressed(path: Path) -> str:
    return base64.b64encode(lzma.compress(path.read_bytes(), preset=6)).decode()


def _rows(path: Path) -> int:
    """Lines but for the header; a table may be too large to hold."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(partial(file.read, 2**20), b"")) - 1


def as_json(items: list[Item], about: Mapping[str, Any]) -> str:
    """The package as the text of a script element: no character in it can end the element."""
    whole = {"format": FORMAT, **about, "tables": [asdict(item) for item in items]}
    return json.dumps(whole, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")


def open_page(path: Path) -> str:
    """The text of a page.

    Raises:
        OSError, PackageError: it cannot be read, or is larger than any page.
    """
    size = path.stat().st_size
    if size > MAX_PAGE:
        raise PackageError(f"{size:,} bytes; a page of this project has at most {MAX_PAGE:,}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackageError(f"no text: {error.reason} at byte {error.start}") from None


def read(page: str) -> dict[str, Any]:
    """The package of a page, its tables as ``Item``.

    Raises:
        PackageError: if the page has none of this format, or a malformed one.
    """
    _, begins, rest = page.partition(BEGINS)
    text, ends, _ = rest.partition(ENDS)
    try:
        package = json.loads(text) if begins and ends else {}
    except (ValueError, RecursionError) as error:
        raise PackageError(f"its package is damaged: {_line(error)}") from None
    if not isinstance(package, dict) or package.get("format") != FORMAT:
        raise PackageError(
            f"no {FORMAT!r} in it: not a page of this project, or of another version"
        )
    return package | {"tables": _items(package.get("tables"))}


def _items(told: Any) -> list[Item]:
    """The tables of a package, refused unless each is named once and all are of a likely size."""
    try:
        items = [Item(**one) for one in told]
    except TypeError as error:
        raise PackageError(f"its list of tables is malformed: {_line(error)}") from None
    for item in items:
        kinds = (type(item.name), type(item.rows), type(item.size), type(item.sha256))
        if (*kinds, type(item.data)) != (str, int, int, str, str):
            raise PackageError(f"its table {item.name!r:.99} is malformed")
        if not NAME.fullmatch(item.name) or not SHA256.fullmatch(item.sha256):
            raise PackageError(f"its table {item.name!r:.99} has no name of a table or no checksum")
    embedded = [item.size for item in items if item.is_embedded]
    if max(embedded, default=0) > MAX_TABLE or sum(embedded) > MAX_TABLES:
        raise PackageError(
            f"its tables have {sum(embedded):,} bytes, the largest {max(embedded):,}; allowed are "
            f"{MAX_TABLES:,} and {MAX_TABLE:,}"
        )
    if min((item.size for item in items), default=0) < 0:
        raise PackageError("a table of less than no bytes")
    if len({item.name for item in items}) < len(items):
        raise PackageError("a table of it stands twice")
    return items


def _line(error: Exception) -> str:
    """An error in one line that a terminal can show."""
    text = " ".join(str(error).split())[:200]
    return text if text.isprintable() else repr(text)


def extract(page: str, folder: Path) -> list[Item]:
    """Write what a page holds: tables/, figures/, page/ and the description of the package.

    Returns the tables that it only names.

    Raises:
        PackageError: if the page has no package, or a damaged one.
    """
    package = read(page)
    files = {f"tables/{i.name}.csv": i.content() for i in package["tables"] if i.is_embedded}
    for path, text in LINK.findall(page):
        files[path] = unquote(html.unescape(text)).encode()
    about = package | {"tables": [asdict(i) | {"data": ""} for i in package["tables"]]}
    files["package.json"] = (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode()
    for path, content in files.items():
        archives.write_bytes(folder / path, content)
    return [item for item in package["tables"] if not item.is_embedded]
