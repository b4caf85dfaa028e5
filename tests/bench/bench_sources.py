"""A publisher on this machine, and files in the forms that publishers use."""

from __future__ import annotations

import hashlib
import pickle
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archwright.bench.sources import Original, TableSource


class Publisher(ThreadingHTTPServer):
    """Serves `files`; ends too early on those in `short`; `asked` records the paths."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.short, self.asked = dict(files), set[str](), list[str]()

    def original(self, name: str) -> Original:
        return Original(f"http://127.0.0.1:{self.server_port}/{name}", sha256(self.files[name]))

    def source(self, **rest: Any) -> TableSource:
        return TableSource(originals={name: self.original(name) for name in self.files}, **rest)


class _Handler(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.server.asked.append(name)
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if name in self.server.short else content)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def publishing(files: Mapping[str, bytes]) -> Iterator[Publisher]:
    with Publisher(files) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def written(folder: Path, files: Mapping[str, bytes | str]) -> dict[str, Path]:
    """Files by short name, as converters take them."""
    paths = {}
    for number, (name, content) in enumerate(files.items()):
        paths[name] = folder / f"{number}-{Path(name).name}"
        paths[name].write_bytes(content.encode() if isinstance(content, str) else content)
    return paths


def _named(module: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty class that a pickle calls `module.name`."""
    made = type(name, (), {"__module__": module})
    stand_in = sys.modules[module] if isinstance(sys.modules.get(module), _Fake) else _Fake(module)
    setattr(stand_in, name, made)
    monkeypatch.setitem(sys.modules, module, stand_in)
    return made


class _Fake(types.ModuleType):
    pass


class _Call:
    """Pickles as a call, with a state."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any = None) -> None:
        self._parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._parts


def frame_pickle(columns: Mapping[str, Any], *, old: bool) -> bytes:
    """A pandas frame with a block for each column, as pandas 1.0 (`old`) or 1.4 pickled it."""
    with pytest.MonkeyPatch.context() as patch:
        frame = _named("pandas.core.frame", "DataFrame", patch)
        manager = _named("pandas.core.internals.managers", "BlockManager", patch)
        new_index = _named("pandas.core.indexes.base", "_new_Index", patch)
        index = _named("pandas.core.indexes.base", "Index", patch)
        new_block = _named("pandas.core.internals.blocks", "new_block", patch)
        axes = [_Call(new_index, (index, {"data": np.array(list(columns), object), "name": None}))]
        parts = [(np.asarray(column)[None], slice(i, i + 1, 1)) for i, column in enumerate(columns.values())]
        if old:
            blocks = [{"values": values, "mgr_locs": places} for values, places in parts]
            state = {"_data": _Call(manager, (), (axes, [], [], {"0.14.1": {"axes": axes, "blocks": blocks}}))}
        else:
            state = {"_mgr": _Call(manager, ([_Call(new_block, part) for part in parts], axes))}
        data = pickle.dumps(_Call(frame, (), state), protocol=3)
    return data.replace(b"numpy._core.", b"numpy.core.")
