"""The modules of both pages: each imports only names that the other module exports.

A browser loads no module of a page of which one import fails. `make browser-test` would see it, but
it is not a part of `make test`.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
#: The addresses of modules, as far as they are no relative paths, and their folders.
SERVED = {"/sandbox/play/": ROOT / "sandbox/page/assets"}
FOLDERS = (ROOT / "sandbox/page/assets", ROOT / "launch/play/assets")
_IMPORT = re.compile(r"^import \{([^}]*)\} from \"([^\"]+)\"", re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|class|const|let) (\w+)", re.MULTILINE)


def imported(module: Path) -> list[tuple[Path, str]]:
    """Return the files and names that a module imports."""
    found = []
    for names, address in _IMPORT.findall(module.read_text(encoding="utf-8")):
        folder = next((SERVED[one] for one in SERVED if address.startswith(one)), module.parent)
        file = folder / address.removeprefix(next(iter(SERVED)))
        found += [(file.resolve(), name.split(" as ")[0].strip()) for name in names.split(",")]
    return [(file, name) for file, name in found if name]


def test_every_import_of_a_page_is_exported():
    modules = [path for folder in FOLDERS for path in folder.rglob("*.js")]
    wanted = {(file, name, module) for module in modules for file, name in imported(module)}

    assert len(wanted) > 100
    missing = [
        f"{module.relative_to(ROOT)} imports {name} of {file.relative_to(ROOT)}"
        for file, name, module in wanted
        if not file.exists() or name not in _EXPORT.findall(file.read_text(encoding="utf-8"))
    ]
    assert missing == []
