"""The floors: cli -> lm -> nn -> {text, core} -> errors. A floor imports only lower ones."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "textgen"
FILES = sorted(PACKAGE.rglob("*.py"))
LOWER = {  # floor -> what it may import of textgen, besides itself and `textgen` for its version
    "errors": set(),
    "paths": set(),
    "checks": {"errors"},
    "text": {"errors", "paths"},
    "core": {"errors"},
    "nn": {"errors", "checks", "core"},
    "lm": {"errors", "paths", "checks", "text", "core", "nn"},
    "cli": {"errors", "paths", "checks", "text", "core", "nn", "lm"},
    "": {"cli"},  # textgen/__init__.py and textgen/__main__.py
}
ROOMS = {  # floor -> its rooms, the lower ones first; a floor that is not named is one room
    "text": ("tokens", "corpus"),
    "core": ("runtime", "products", "kernels", "cells"),
    "lm": ("config", "storage", "planning", "progress", "inference", "writing", "training"),
    "cli": (
        "terminal",
        "show",
        "request",
        "course",
        "repl",
        "commands",
        "",
    ),  # last the files in no room, which hold the commands together
}
OUTSIDE = {  # floor -> what it may import besides the standard library
    "errors": set(),
    "paths": set(),
    "checks": set(),
    "text": {"numpy", "pydivsufsort"},
    "core": {"numpy", "numba", "llvmlite", "platformdirs"},
    "nn": {"numpy"},
    "lm": {"numpy", "safetensors", "platformdirs", "filelock"},
    "cli": {"typer", "rich", "plotille", "matplotlib"},
    "": set(),
}
LIGHT = [  # what `textgen --help` loads, and a shell's completion
    *(f"cli/{name}.py" for name in ("app", "boundary", "completion", "help", "unknown_options")),
    *(
        f"cli/commands/{name}.py"
        for name in ("train", "sample", "complete", "repl", "score", "evaluate", "info", "models")
    ),
    *(f"lm/config/{name}.py" for name in ("text", "training", "sampling", "completion", "sizes", "finetuning")),
    "lm/storage/store.py",
    "nn/config.py",
    "checks.py",
    "paths.py",
    "text/tokens/tokenizers.py",
    "text/corpus/units.py",
    "core/cells/__init__.py",
]


def floor_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return first if first in LOWER else ""


def imported(tree: ast.AST) -> set[str]:
    """The full names of all modules that are imported anywhere in a file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names - {"textgen.__version__"}


@pytest.fixture(params=FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def source(request):
    return request.param, ast.parse(request.param.read_text(encoding="utf-8"))


def test_a_floor_imports_only_lower_floors(source):
    path, tree = source
    floor = floor_of(path)
    for name in imported(tree):
        head, _, rest = name.partition(".")
        if head == "textgen" and rest:
            assert rest.split(".")[0] in LOWER[floor] | {floor}, f"{path} imports {name}"


def test_a_floor_imports_only_its_own_libraries(source):
    path, tree = source
    for name in imported(tree):
        head = name.partition(".")[0]
        if head != "textgen" and head not in sys.stdlib_module_names:
            assert head in OUTSIDE[floor_of(path)], f"{path} imports {name}"


def test_nothing_below_the_command_line_prints_or_exits(source):
    path, tree = source
    if floor_of(path) in ("cli", ""):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "exit", "quit", "sys.exit", "os._exit"), f"{path}: {called}"
            assert not called.startswith(("sys.stdout", "sys.stderr")), f"{path}: {called}"
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.unparse(node.exc), f"{path} raises SystemExit"


def room_of(module: str) -> tuple[str, int]:
    """The floor of a file or module 'textgen.lm.storage.model', and the number of its room there, from the bottom."""
    _, floor, *rest = [*module.split("."), ""]
    rooms = ROOMS.get(floor, ())
    return floor, rooms.index(rest[0]) if rest and rest[0] in rooms else len(rooms) - 1


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def test_a_room_imports_only_lower_rooms_of_its_floor(source):
    path, tree = source
    floor, room = room_of(module_of(path))
    for name in imported(tree):
        if name.startswith(f"textgen.{floor}."):
            assert room_of(name)[1] <= room, f"{path} imports {name}"


@pytest.mark.parametrize(("floor", "room"), [(floor, room) for floor, rooms in ROOMS.items() for room in rooms if room])
def test_a_room_has_four_to_ten_files(floor, room):
    files = [path.name for path in (PACKAGE / floor / room).glob("*.py") if path.name != "__init__.py"]
    assert 4 <= len(files) <= 10


def test_no_two_files_need_each_other():
    """No file imports itself by way of others, not even for its types."""
    modules = {module_of(path): path for path in FILES}
    needed = {
        module: imported(ast.parse(path.read_text(encoding="utf-8"))) & modules.keys() - {module}
        for module, path in modules.items()
    }
    TopologicalSorter(needed).prepare()  # raises CycleError, which names the files


@pytest.mark.parametrize("name", LIGHT)
def test_what_help_loads_imports_nothing_heavy(name):
    """At the top of the file, that is; inside functions it may."""
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    tops = imported(ast.Module(tree.body, [])) - inside_functions_and_type_checking(tree)
    assert not {top.partition(".")[0] for top in tops} & {
        "numpy",
        "numba",
        "rich",
        "safetensors",
        "plotille",
        "matplotlib",
    }


def inside_functions_and_type_checking(tree: ast.Module) -> set[str]:
    later = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    checked = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    return set().union(*(imported(node) for node in [*later, *checked]))


def test_one_file_alone_says_how_kernels_are_compiled():
    decorators = {f"numba.{name}" for name in ("njit", "jit", "vectorize", "guvectorize", "cfunc")}
    users = set()
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = imported(tree) | {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if named & decorators:
            users.add(path.relative_to(PACKAGE).as_posix())
    assert users == {"core/runtime/jit.py"}


def test_the_kernel_cache_hashes_every_source_that_is_compiled(monkeypatch):
    """Compiled kernels are kept under a hash of sources: what is compiled from another would not notice an edit."""
    from textgen.core.runtime import kernel_cache

    hashed = set()

    def note(path: Path) -> bytes:
        hashed.add(path)
        return b""

    monkeypatch.setattr(Path, "read_bytes", note)
    kernel_cache.sources_key()
    monkeypatch.undo()
    decorators = ("kernel", "inlined", "inlined_reduction", "reduction_kernel")
    jit = {f"{module}.{name}" for module in ("jit", "textgen.core.runtime.jit") for name in decorators}
    compiled = set()
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = imported(tree) | {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if names & jit or {name.partition(".")[0] for name in names} & {"numba", "llvmlite"}:
            compiled.add(path)
    assert len(compiled) > 20
    assert compiled <= hashed


def test_no_cell_is_named_outside_the_folder_of_cells():
    """A new cell is one file and one entry: no other code may ask for a cell by its name."""
    from textgen.core.cells import CELLS

    for path in FILES:
        if "cells" in path.parts or path.name == "config.py":  # the default stands in the configuration
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                texts = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                assert not texts & set(CELLS), f"{path}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import textgen.lm.config.text", "textgen.lm.config.text"),
        ("from textgen.lm import config", "textgen.lm.config"),
        ("from textgen import lm", "textgen.lm"),
        ("import numpy as np", "numpy"),
        ("from rich.table import Table", "rich.table"),
    ],
)
def test_the_reader_of_imports_sees_each_form(line, name):
    """The tests above hold something only if no form of import escapes them."""
    assert name in imported(ast.parse(f"def late():\n    {line}"))
