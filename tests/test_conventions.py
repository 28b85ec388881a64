"""The house rules that a reader relies on, checked by reading the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from workorders.transitions import STEPS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("workorders", "intake", "dispatch", "evaluation", "archive", "config")
FILES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
)
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

WRITES = "create|bulk_create|get_or_create|update_or_create|update|bulk_update|delete|save"
A_CLOCK = re.compile(rf"Clock|(Clock|clocks?)\b.*\.({WRITES})|.*\.clocks\b.*\.({WRITES})")
A_STEP = re.compile(rf"(\w*order|.*\.order)\.({'|'.join(STEPS)})")
ORDERS = re.compile(
    r"\b(WorkOrder|get_model\(.*\)|type\(\w*\))\.(objects|_default_manager|_base_manager)$|\.(led_orders|merged_orders)$"
)

# Where orders are read without asking who sees them, and why.
EVERY_ORDER = {
    "evaluation/records.py": "selects what the beat's scan opens callbacks for; nobody is shown it",
    "archive/services.py": "selects what the beat's scan archives; nobody is shown it",
    "dispatch/thresholds.py": "counts for the beat; the orders behind a number are shown by visible_to",
    "dispatch/handovers.py": "selects what the beat hands over from closed units; nobody is shown it",
    "workorders/reindexing.py": "cuts the words of every order anew, for a command; nobody is shown them",
    "workorders/staffing.py": "counts what would wait for nobody, for who administers people and sees no order",
    "workorders/models/organisation.py": "counts what a unit leaves behind, for who closes it and sees no order",
    "workorders/permissions.py": "asks whether the actor's unit co-handles the one order that is locked",
    "workorders/forms.py": "finds an order by its number; the form that asks for it checks visible_to",
}
SYSTEM = re.compile(r"/tasks\.py$|/management/|^config/")  # what runs without a user, or before there is one


def walk() -> Iterator[tuple[str, ast.AST]]:
    for file, tree in TREES.items():
        yield from ((file, node) for node in ast.walk(tree))


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    yield from ((file, ast.unparse(node.func), node) for file, node in walk() if isinstance(node, ast.Call))


def place(file: str, node: ast.AST) -> str:
    return f"{file}:{getattr(node, 'lineno', 0)}"


def assigned(node: ast.AST) -> Iterator[ast.AST]:
    """Every single thing that this statement assigns to."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        yield from ast.walk(target) if isinstance(target, ast.AST) else ()


def literals(node: ast.AST) -> set[object]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}


def test_there_is_code_to_read() -> None:
    assert {file.split("/")[0] for file in TREES} == set(PACKAGES)


def test_nobody_assigns_a_status() -> None:
    found = [
        place(file, node)
        for file, node in walk()
        if any(isinstance(target, ast.Attribute) and target.attr == "status" for target in assigned(node))
    ]
    for file, name, call in calls():
        written = {keyword.arg for keyword in call.keywords} | literals(call)
        if re.search(r"\.(update|update_or_create|bulk_update)$|setattr$", name) and "status" in written:
            found.append(place(file, call))
    assert found == [], "a status moves by perform() and by nothing else"


def test_only_transitions_does_a_step_and_writes_an_order() -> None:
    found = {
        file for file, name, _call in calls() if A_STEP.fullmatch(name) or re.fullmatch(r"(\w*_)?order\.save", name)
    }
    assert found == {"workorders/transitions.py"}
    dynamic = {file for file, name, call in calls() if name == "getattr" and ast.unparse(call.args[0]) == "order"}
    readers = {"workorders/pages.py", "workorders/reading.py"}  # of columns
    assert dynamic <= {"workorders/transitions.py", "workorders/lifecycle.py"} | readers


def test_only_clocks_writes_a_clock() -> None:
    found = {place(file, call).split(":")[0] for file, name, call in calls() if A_CLOCK.fullmatch(name)}
    assert found - {"workorders/clocks.py"} == set()
    assert "workorders/clocks.py" in found, "the pattern still finds what it looks for"


def test_only_the_ledger_writes_an_event() -> None:
    found = {
        file for file, name, _call in calls() if re.fullmatch(rf"Event|(Event|event)\..*\b({WRITES})|event\.save", name)
    }
    assert found == {"workorders/ledger.py"}


def test_queries_start_at_what_the_user_may_see() -> None:
    asked = {id(node.value) for _file, node in walk() if isinstance(node, ast.Attribute) and node.attr == "visible_to"}
    found: dict[str, list[str]] = {}
    for file, node in walk():
        if isinstance(node, ast.Attribute) and ORDERS.search(ast.unparse(node)) and id(node) not in asked:
            found.setdefault(file, []).append(place(file, node))
    bare = {file: places for file, places in found.items() if not SYSTEM.search(file)}
    assert set(bare) == set(EVERY_ORDER), f"{bare}: start at visible_to, or give a reason in EVERY_ORDER"


def test_no_error_is_swallowed_whatever_it_is() -> None:
    def too_wide(kind: ast.expr | None) -> bool:
        return kind is None or bool(re.search(r"\b(Base)?Exception\b", ast.unparse(kind)))

    handlers = [(file, node) for file, node in walk() if isinstance(node, ast.ExceptHandler) and too_wide(node.type)]
    goes_on = [place(file, node) for file, node in handlers if not isinstance(node.body[-1], ast.Raise)]
    assert goes_on == []
    assert [place(file, node) for file, node in handlers if node.type and ast.unparse(node.type) == "Exception"] == []


def imported() -> Iterator[tuple[str, str]]:
    for file, node in walk():
        if isinstance(node, ast.Import):
            yield from ((file, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((file, f"{node.module}.{alias.name}") for alias in node.names)


def test_there_is_one_signal() -> None:
    made = [file for file, name, _call in calls() if re.search(r"\bSignal$", name)]
    assert made == ["workorders/transitions.py"]
    others = re.compile(r"^(django|celery)\b.*\bsignals\b|django\.dispatch\.receiver")
    assert [(file, name) for file, name in imported() if others.search(name)] == []


def test_there_is_no_generic_foreign_key_and_no_drawer_for_odds_and_ends() -> None:
    assert [file for file, name in imported() if "GenericForeignKey" in name or "contenttypes.fields" in name] == []
    assert [file for file in TREES if re.search(r"(utils|helpers|common|misc)\.py$", file)] == []


@pytest.mark.parametrize("file", ["workorders/calendar.py", "dispatch/routing.py", "intake/duplicates.py"])
def test_what_computes_is_pure(file: str) -> None:
    ours = {name for where, name in imported() if where == file}
    assert not [name for name in ours if name.split(".")[0] in ("django", *PACKAGES)]
    assert not [name for where, name, _call in calls() if where == file and re.search(r"\b(now|today)$", name)]


def test_time_is_given_and_never_waited_for() -> None:
    waits = [place(file, call) for file, name, call in calls() if re.search(r"\bsleep$", name)]
    # Processes wait in config; the command that cuts words anew makes room for writers.
    assert [where for where in waits if not where.startswith(("config/", "workorders/reindexing.py"))] == []
    rules = ("clocks", "calendar", "policy", "ledger", "numbers", "permissions", "search")
    asks = [
        place(file, call)
        for file, name, call in calls()
        if re.search(r"\b(timezone|datetime|date)\.(now|today)$", name)
    ]
    assert [where for where in asks if where.split(":")[0] in {f"workorders/{rule}.py" for rule in rules}] == []
