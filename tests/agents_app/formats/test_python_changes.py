"""What other code may change is an input: attributes, names of modules, and what branches set of them."""

import pytest

from agents_app.formats import read_files
from tests.agents_app.formats.test_python_computed import HEAD, TAIL, imported, said, spec_of

WITHIN = TAIL.replace("\n", "\n        ")
DESK = """
class Desk:
    def __init__(self):
        self.sender = "Karen"
        self.book = {"a": "Ann"}
        self.names = ["x", "y"]
        self.topic = None
        self.fixed = "Fix"
        self.setup()
    def setup(self):
        self.day = "Monday"
    METHOD
    def run(self):
        TEXT = f"[{PART}]"TAIL
Desk().run()
"""


def desk(part: str, method: str) -> str:
    return DESK.replace("METHOD", method).replace("PART", part).replace("TAIL", WITHIN)


@pytest.mark.parametrize(
    ("part", "method", "text", "inputs"),
    [
        ("self.sender", "def put(self, n): self.sender = n", "{sender}", {"sender": "Karen"}),
        ("self.sender", "def put(me, n): me.sender, me.x = n", "{sender}", {"sender": "Karen"}),
        ("self.sender", "def put(self, n): setattr(self, 'sender', n)", "{sender}", {"sender": "Karen"}),
        ("self.sender", "def put(self, n):\n        def later(): self.sender = n", "{sender}", {"sender": "Karen"}),
        ("self.sender.upper()", "def put(self, n): self.sender += n", "{sender}", {"sender": "KAREN"}),
        ("self.topic", "def put(self, n): self.topic = n", "{topic}", {}),
        ("self.book", "def put(self, n): self.book[n] = n", "{book}", {"book": "{'a': 'Ann'}"}),
        ("self.book['a']", "def put(self, n): self.book.update(n)", "{book_a}", {"book_a": "Ann"}),
        ("self.book.get('a')", "def put(self, n): del self.book[n]", "{book_a}", {"book_a": "Ann"}),
        ("self.names", "def put(self, n): self.names.append(n)", "{names}", {"names": "['x', 'y']"}),
        ("', '.join(self.names)", "def put(self, n): self.names.append(n)", "{names}", {"names": "x, y"}),
        (
            "'/'.join(f'-{n}' for n in self.names)",
            "def put(self, n): self.names[0] = n",
            "{names}",
            {"names": "-x/-y"},
        ),
        ("len(self.names)", "def put(self, n): self.names.pop()", "{names_count}", {"names_count": "2"}),
        ("self.fixed", "def put(self, n): self.sender = n", "Fix", {}),
        ("self.day", "", "Monday", {}),
    ],
)
def test_what_other_methods_change_is_an_input_with_what_it_is_first(
    part: str, method: str, text: str, inputs: dict[str, str]
) -> None:
    code = desk(part, method or "pass")
    spec = spec_of(code)
    assert (spec.tasks[0].description, spec.inputs) == (f"[{text}]", inputs)
    assert said(imported(code), "it became the input") == ("{" in text)


def test_a_change_that_comes_before_is_what_the_text_holds_and_one_that_comes_after_is_not() -> None:
    rename = "def put(self, n): self.sender = n"
    before = desk("self.sender", rename).replace("Desk().run()", "desk = Desk()\ndesk.put('Bob')\ndesk.run()")
    assert spec_of(before).tasks[0].description == "[Bob]"
    after = desk("self.sender", rename).replace("Desk().run()", "desk = Desk()\ndesk.run()\ndesk.put('Bob')")
    assert spec_of(after).tasks[0].description == "[{sender}]"


def test_what_a_method_keeps_for_the_next_time_is_an_input_of_what_it_calls() -> None:
    method = "def chat(self):\n        self.run()\n        self.sender = fetch()"
    assert spec_of(desk("self.sender", method).replace("().run", "().chat")).tasks[0].description == "[{sender}]"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("global TONE\n    TONE = new", ["tone"]),
        ("BOOK[new] = new", ["book"]),
        ("LIST.append(new)", ["list"]),
        ("BOOK, LIST = {}, []\n    BOOK[new] = 1\n    LIST.append(1)", []),
    ],
)
def test_names_of_a_module_that_functions_change_are_inputs(change: str, names: list[str]) -> None:
    head = f"TONE = '{'LONG' * 40}'\nBOOK = {{'a': 'b'}}\nLIST = ['x']\ndef put(new):\n    {change}\n"
    spec = spec_of(head + "TEXT = f'{TONE} {BOOK} {LIST}'" + TAIL)
    assert list(spec.inputs) == names


BRANCHES = """
class Desk:
    def __init__(self):
        self.tone, self.size, self.way, self.book = "plain", "small", "none", {"a": "x"}
        if fetch(1):
            self.tone = "polite"
        else:
            self.tone = "rude"
        if fetch(2):
            self.book["a"] = "y"
        else:
            self.book.update(a="z")
        try:
            self.way = "first"
        except OSError:
            self.way = "second"
        match fetch(3):
            case 1: self.size = "big"
            case _: self.size = "huge"
    def run(self):
        TEXT = f"{self.tone} {self.book['a']} {self.way} {self.size}"TAIL
Desk().run()
"""


def test_of_attributes_and_entries_that_branches_set_the_first_branch_counts_and_is_said() -> None:
    result = imported(BRANCHES.replace("TAIL", WITHIN))
    assert result.spec is not None
    assert result.spec.tasks[0].description == "polite y first big"
    for number in (1, 2):
        assert said(result, f"Whether `fetch({number})` holds is only known when the code runs: the crew was read as")


def test_an_attribute_keeps_the_list_that_gives_a_crew_in_full() -> None:
    code = """
class Desk:
    def __init__(self):
        cook = Agent(role="R", goal="G", backstory="B")
        if fetch():
            self.tasks = [fetch(1)]
        else:
            self.tasks = [Task(description="D", expected_output="E", agent=cook)]
        self.crew = Crew(agents=[cook], tasks=self.tasks)
Desk()
"""
    assert [task.description for task in spec_of(code).tasks] == ["D"]


def test_a_loop_over_a_list_that_others_change_says_so() -> None:
    code = "JOBS = ['a', 'b']\ndef put(new):\n    JOBS.append(new)\nworker = Agent(role='R', goal='G', backstory='B')\n"
    code += "Crew(agents=[worker], tasks=[Task(description=j, expected_output='E', agent=worker) for j in JOBS])"
    result = imported(code)
    assert result.spec is not None
    assert [task.description for task in result.spec.tasks] == ["a", "b"]
    assert said(result, "`JOBS` may be changed by `put` when the code runs: the loop went over what it holds before")


def test_a_model_of_an_attribute_that_others_change_is_the_one_it_has_first() -> None:
    code = """
class Desk:
    def __init__(self):
        self.model = "gpt-4o"
    def choose(self, model):
        self.model = model
    def run(self):
        worker = Agent(role="R", goal="G", backstory="B", llm=self.model)
        return Crew(agents=[worker], tasks=[Task(description="D", expected_output="E", agent=worker)])
Desk().run()
"""
    assert spec_of(code).agents[0].llm.model == "gpt-4o"


def test_what_only_the_other_branch_does_is_done_and_said() -> None:
    code = """
class Desk:
    def __init__(self):
        cook = Agent(role="R", goal="G", backstory="B")
        self.first = Task(description="Make a stew.", expected_output="E", agent=cook)
        self.crew = Crew(agents=[cook], tasks=[self.first])
    def run(self, text):
        self.first.description += f" {text}"
        return self.crew.kickoff()
text = input("Text? ")
if not text:
    print("upload first")
else:
    Desk().run(text)
"""
    assert spec_of(code).tasks[0].description == "Make a stew. {text}"
    one_side = "class Desk: pass\ndesk = Desk()\ndesk.tone = 'a'\nif fetch(): pass\nelse: desk.tone = 'b'\n"
    result = imported(one_side + "TEXT = f'[{desk.tone}]'" + TAIL)
    assert result.spec is not None
    assert result.spec.tasks[0].description == "[b]"
    assert said(result, "the crew was read as if it does not, which sets more")


PATHS = """
import os
from pathlib import Path
def run(path, day, base):
    n = input("N? ")
    name, cells = os.path.basename(path), os.path.join("data", f"cells-{day}.json")
    TEXT = f"[{PART}]"TAIL
"""


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("name", "{name}"),
        ("os.path.abspath(path)", "{path}"),
        ("os.path.dirname(path)", "{path}"),
        ("cells", "data/cells-{day}.json"),
        ("os.path.basename(cells)", "cells-{day}.json"),
        ("Path(cells).stem", "cells-{day}"),
        ("os.path.join('data', n, 'x.md')", "data/{n}/x.md"),
        ("(Path(base) / 'out' / 'x.txt').name", "x.txt"),
        ("os.path.join('a', 'b')", "a/b"),
    ],
)
def test_paths_of_what_only_a_run_shows_keep_it(part: str, text: str) -> None:
    code = PATHS.replace("PART", part).replace("TAIL", TAIL.replace("\n", "\n    "))
    assert spec_of(code).tasks[0].description == f"[{text}]"
    assert not said(imported(code), "was not given")


def test_names_of_modules_and_setters_are_set_from_outside() -> None:
    modules = "import config\nconfig.TOPIC = 'coffee'\ndef later(tone):\n    config.TONE = tone\n"
    files = {"config.py": f"TOPIC, TONE = 'tea', {'calm ' * 30!r}\n", "main.py": HEAD + modules}
    files["main.py"] += "TEXT = f'{config.TOPIC} {config.TONE}'" + TAIL
    spec = read_files(files).spec
    assert spec is not None
    assert (spec.tasks[0].description, list(spec.inputs)) == ("coffee {tone}", ["tone"])
    own = "    @property\n    def tone(self): return self._tone\n"
    own += "    @tone.setter\n    def tone(self, new): self._tone = new.upper()\n"
    code = f"class Desk:\n    def __init__(self): self._tone = 'calm'\n{own}desk = Desk()\ndesk.tone = 'loud'\n"
    assert spec_of(code + "TEXT = f'[{desk.tone}]'" + TAIL).tasks[0].description == "[LOUD]"


def test_a_loop_that_is_followed_to_its_end_reads_what_it_changes() -> None:
    code = """
class Desk:
    def __init__(self):
        self.n, self.tasks, self.kit = 0, [], {"a"}
    def run(self):
        self.kit.add("b")
        worker = Agent(role="R", goal="G", backstory="B")
        while self.n < len(self.kit):
            self.tasks.append(Task(description=f"No {self.n} {(1, 'x')}", expected_output="E", agent=worker))
            self.n += 1
        return Crew(agents=[worker], tasks=self.tasks)
Desk().run()
"""
    assert [task.description for task in spec_of(code).tasks] == ["No 0 (1, 'x')", "No 1 (1, 'x')"]
