"""Where the tables come from: the files of their publishers, and how each becomes a compact table."""

from archwright.bench.sources._catalogue import SOURCES
from archwright.bench.sources._content import Arrays, content_digest
from archwright.bench.sources._fetch import ORIGINALS, fetched
from archwright.bench.sources._pickled import read_arrays
from archwright.bench.sources._source import Original, TableSource

__all__ = ["ORIGINALS", "SOURCES", "Arrays", "Original", "TableSource", "content_digest", "fetched", "read_arrays"]
