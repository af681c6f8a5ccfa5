"""Follows imports: the project's own modules are read, all others are only named."""

from __future__ import annotations

import ast

from agents_app.formats.python.frames import Frame, World, executes
from agents_app.formats.python.things import ModuleOf
from agents_app.formats.to_spec.values import Outside, Text, Unknown, Value

CHARS_PER_STEP = 1_000


@executes(ast.Import)
def _import(node: ast.Import, frame: Frame) -> None:
    for alias in node.names:
        frame.world.budget.pay_steps()
        module = find_module(alias.name, frame)
        if alias.asname:
            frame.names[alias.asname] = ModuleOf(module, alias.name) if module else Outside(alias.name)
        elif module and "." not in alias.name:
            frame.names[alias.name] = ModuleOf(module, alias.name)
        else:
            root = alias.name.partition(".")[0]
            frame.names[root] = Outside(root)


@executes(ast.ImportFrom)
def _import_from(node: ast.ImportFrom, frame: Frame) -> None:
    module = find_module(node.module, frame) if node.module else None
    for alias in node.names:
        name = alias.asname or alias.name
        frame.world.budget.pay_steps()
        if alias.name == "*":
            frame.world.budget.pay_elements(len(module.names) if module else 0)
            frame.names.update(module.names if module else {})
            continue
        frame.names[name] = _member(node, alias.name, module, frame)


def _member(node: ast.ImportFrom, name: str, module: Frame | None, frame: Frame) -> Value:
    if module:
        return module.lookup(name) or Unknown(name, defined=False)
    inner = find_module(f"{node.module or ''}.{name}".strip("."), frame)
    if inner:
        return ModuleOf(inner, name)
    return Outside(f"{node.module or 'project'}.{name}")


def find_module(dotted: str, frame: Frame) -> Frame | None:
    """The frame of a module of the project, by its whole dotted name or the end of it; None for other modules."""
    world = frame.world
    wanted = dotted.replace(".", "/") + ".py"
    namesakes = world.by_file_name.get(wanted.rpartition("/")[2], ())
    world.budget.pay_steps(len(namesakes) * (1 + len(wanted) // CHARS_PER_STEP))
    for path in namesakes:
        if path != frame.file and (path == wanted or path.endswith("/" + wanted) or wanted.endswith("/" + path)):
            return run_module(path, world)
    return None


def run_module(path: str, world: World) -> Frame:
    """Follows a module of the project, once. In a circle of imports a module sees what is there so far."""
    if path not in world.modules:
        module = Frame(world, path if world.labelled else "", {"__name__": Text("__main__")})
        world.modules[path] = module
        module.run(world.sources[path].body)
    return world.modules[path]
