"""Sources that cost more than they look like, by what they attack."""

from __future__ import annotations

AGENT = "Agent(role=x)\n"
L = "L = list(range(50))\nM = L + L + L + L + L + L\n"  # 300 items: as many as a loop goes over
FOR = L + "for a in M:\n for b in M:\n  "
LONG = "y" * 150_000
WIDE = "x" * 400_000
LIST = "x = [1]\n" + "x += x\n" * 15 + "L = []\n"
TEXT = "x = 'a' * 90000\nL = []\n" + FOR
TREE = "x = ['a']\n" + "x = [x, x]\n" * 60
TASK = "Task(description='d', output_json=A)\n"

NAMES = "".join(f"{{a{number}}}" for number in range(9_000))
EQUAL = f"x = f'{NAMES}'\ny = f'{NAMES}'\n"
"""Two texts of as many unknown values each, which are equal and not the same."""


def lines(template: str, count: int) -> str:
    """The template so many times, with its number for ``@`` and the next one for ``#``."""
    return "".join(template.replace("@", str(number)).replace("#", str(number + 1)) for number in range(count))


MADE = {
    "lists by +=": "x = [1]\n" + "x += x\n" * 40 + AGENT,
    "lists by +": "x = [1]\n" + "x = x + x\n" * 40 + AGENT,
    "lists by star": "x = [1]\n" + "x = [*x, *x]\n" * 40 + AGENT,
    "lists by extend": "x = [1]\n" + "x.extend(x)\n" * 40 + AGENT,
    "lists by copies": "x = [1]\n"
    + "x += x\n" * 15
    + "L = []\n"
    + "L.append(x.copy())\nL.append(list(x))\n" * 900
    + AGENT,
    "lists by slices": LIST + "L.append(x[::-1])\n" * 2000 + AGENT,
    "lists by zip": LIST + "L.append(zip(x, x, x))\n" * 2000 + AGENT,
    "lists by enumerate": LIST + "L.append(enumerate(x))\n" * 2000 + AGENT,
    "lists by unpacking": LIST + "a, *b = x\nL.append(b)\n" * 2000 + AGENT,
    "lists by arguments": "def f(*a):\n  return a\nx = [1]\n" + "x = f(*x, *x)\n" * 40 + AGENT,
    "lists by split": "x = 'a ' * 40000\nL = []\n" + FOR + "L.append(x.split())\n" + AGENT,
    "dictionaries": "x = {'a': 1}\n" + lines("x = {**x, 'k@': x}\n", 20_000) + AGENT,
    "dictionaries by dict()": "x = dict()\n" + lines("x = dict(x, k@=x)\n", 20_000) + AGENT,
    "dictionaries by update": "x = {}\n" + lines("y = x.copy()\ny.update(k@=y)\nx = y\n", 10_000) + AGENT,
    "dictionaries by items": "x = {'a': 1}\n"
    + lines("x['k@'] = 1\n", 3000)
    + "L = []\n"
    + "L.append(x.items())\n" * 5000,
    "keyword arguments": "def f(**k):\n  return k\nx = {}\n" + lines("x = f(k@=x, **x)\n", 20_000) + AGENT,
    "names of branches": lines("n@ = 1\n", 20_000) + "if a:\n  pass\nelse:\n  pass\n" * 5_000 + AGENT,
    "texts by f-strings": "x = 'ab'\nL = []\n" + "x = f'{x}{x}'\nL.append(x)\n" * 20 + FOR + "L.append(f'{x}')\n",
    "texts by +": TEXT + "L.append(x + 'b')\n" + AGENT,
    "texts by +=": TEXT + "y = x; y += 'b'; L.append(y)\n" + AGENT,
    "texts by *": "L = []\n" + FOR + "L.append('ab' * 45000)\n" + AGENT,
    "texts by %": TEXT + "L.append('%s.' % x)\n" + AGENT,
    "texts by format": TEXT + "L.append('{}.'.format(x))\n" + AGENT,
    "texts by join": "x = ['a' * 900, 'b']\n" + "x += x\n" * 6 + "L = []\n" + FOR + "L.append('.'.join(x))\n",
    "texts by replace": TEXT + "L.append(x.replace('a', 'b'))\n" + AGENT,
    "texts by case": TEXT + "L.append(x.upper())\n" + AGENT,
    "texts by strip": "x = ' ' + 'a' * 90000\nL = []\n" + FOR + "L.append(x.strip())\n" + AGENT,
    "texts by slices": TEXT + "L.append(x[1:])\n" + AGENT,
    "texts by dedent": "x = ' a' * 90000\nL = []\n" + FOR + "L.append(textwrap.dedent(x))\n" + AGENT,
    "texts by tabs": "from inspect import cleandoc\nx = '\\t' * 90000 + 'a'\nL = []\n"
    + FOR
    + "L.append(cleandoc(x))\n",
    "texts of the source": FOR + f"y = '{WIDE}'[1:]\n" + AGENT,
    "texts of lists": "x = ['\\x01' * 900, 'b']\n" + "x += x\n" * 10 + "L = []\n" + FOR + "L.append(f'{x}')\n",
    "paths of libraries": "import os\ny = os\n" + FOR + "y = y." + "a" * 150 + "\n" + AGENT,
    "names of results": "d = {}\n" + f"d['{'k' * 90000}'] = c = Crew()\nL = []\n" + FOR + "L.append(c.kickoff())\n",
    "labels": f"import os\ns = os.environ['{LONG}']\nx = [s]\n" + "x += x\n" * 15 + "y = ','.join(x)\n" + AGENT,
    "placeholders of format": "x = f'{u}'\n" + "x = x.format(u=x)\n" * 60 + AGENT,
    "definitions": FOR + "Foo(a=b)\n" + AGENT,
    "comprehensions": L + "x = [[[[d for d in M] for c in M] for b in M] for a in M]\n" + AGENT,
    "loops": L + "for a in M:\n for b in M:\n  for c in M:\n   for d in M:\n    pass\n" + AGENT,
    "empty loops": L + "for a in M:\n for b in M:\n  for c in M:\n   " + "pass;" * 30_000 + "\n" + AGENT,
    "functions that double": lines("def f@(x): return [f#(x), f#(x)]\n", 18) + "x = f0([1, 2])\n" + AGENT,
    "defaults": "def f(" + lines("a@=[1,2],", 3000) + "): pass\n" + L + "for a in M: f()\n" + AGENT,
    "many parameters": "def f(" + lines("a@,", 20_000) + "): pass\n" + FOR + "f()\n" + AGENT,
    "decorators": "@a\n" * 30_000 + "def f(): pass\n" + FOR + "f()\n" + AGENT,
}

WALKED = {
    "list in an f-string": "x = [1]\n" + "x = [x, x]\n" * 60 + "y = f'{x}'\n" + AGENT,
    "list as a role": TREE + AGENT,
    "list as a description": TREE + "Task(description=x, agent=x, tools=x, context=x)\n",
    "list as tools and model": "x = ['a']\n"
    + "x = [x, x]\n" * 60
    + "Agent(role='a', tools=[Foo(a=x)], llm=x, stop=x)\n",
    "list as a tool's setting": TREE + "Agent(role='a', tools=[SerperDevTool(a=x)])\n",
    "list as inputs": "x = ['a']\n"
    + "x = [x, x]\n" * 60
    + "Crew(agents=[Agent(role='{a}')], tasks=[]).kickoff(inputs={'a': x})\n",
    "list as a fallback": TREE + "Agent(role=topic or x)\n",
    "list as members": "x = [Agent(role='a')]\n" + "x = [*x, *x]\n" * 17 + "Crew(agents=x, tasks=x)\n",
    "list compared": "def f():\n  x = ['a']\n"
    + "  x = [x, x, x, x, x, x, x, x, x]\n" * 60
    + "  Agent(role='r', tools=x)\n"
    + "f()\n" * 200,
    "list joined": TREE + "y = ', '.join(x)\n" + AGENT,
    "list formatted": TREE + "y = '{} {}'.format(x, x)\nz = '%s' % [x]\n" + AGENT,
    "dictionary as a text": "x = {'a': 'b'}\n" + "x = {'a': x, 'b': x}\n" * 60 + AGENT,
    "dictionary as a schema": "x = {'type': 'object'}\n"
    + "x = {'type': x, 'properties': x}\n" * 60
    + "Task(description='d', output_json=x)\n",
    "dictionary as a model": "x = {'model': 'm'}\n" + "x = {'model': x, 'stop': x}\n" * 60 + "Agent(role='a', llm=x)\n",
    "unknown values in each other": "a = g() or 'x'\nb = h() or 'y'\n"
    + lines("a = g@() or f'{a}{b}'\nb = h@() or f'{a}{b}'\n", 60)
    + "Agent(role=f'{a}{b}', goal=[a, b])\n",
    "settings in each other": "import os\na = b = 'x'\n"
    + lines("a = os.getenv('A@', f'{a}{b}')\nb = os.getenv('B@', f'{b}{a}')\n", 60)
    + "Agent(role=f'{a}{b}')\n",
    "a chain of fallbacks": "x = g()\n" + FOR + "x = h() or x\n" + AGENT,
    "default of a class": "x = ['a']\n" + "x = [x, x]\n" * 60 + "class A(BaseModel):\n  a: list = x\n" + TASK,
    "an Enum": TREE + "class A(Enum):\n  a = x\nTask(description='d', output_json=A)\n",
    "a list in itself": "x = []\n" + "x.append(x)\n" * 100 + "y = f'{x}'\n" + AGENT,
    "a list that grows as it is walked": "x = [1]\nfor y in x:\n  x.append(y)\n" + AGENT,
}

LOOKED_AT = {
    "equal texts in a branch": EQUAL + FOR + "z = x\n  if u: z = y\n" + AGENT,
    "equal texts in two branches": EQUAL + FOR + "if u: z = y\n  else: z = x\n" + AGENT,
    "equal texts of a function": EQUAL
    + "def f(u):\n  if u: return x\n"
    + "  if u: return y\n" * 100
    + FOR
    + "f(g)\n"
    + AGENT,
    "defaults of a parser": "import argparse\np = argparse.ArgumentParser()\nd = {'a': 1, 'b': 1, 'c': 1, 'e': 1}\n"
    + FOR
    + "p.set_defaults(**d)\n"
    + AGENT,
    "inputs of one label": "a = Agent(role='a')\n"
    + "".join(
        f"t{part} = Task(agent=a, description=f'"
        + "".join(f"{{g({number})}}" for number in range(part * 6_000, (part + 1) * 6_000))
        + "')\n"
        for part in range(2)
    )
    + lines("Crew(name='c@', agents=[a], tasks=[t0, t1])\n", 20),
    "functions in a row": lines("def f#(): f@()\n", 20_000) + "def f0(): Crew()\n",
    "functions in a row, from behind": "".join(f"def f{n}(): f{n - 1}()\n" for n in range(20_000, 0, -1))
    + "def f0(): Crew()\n",
    "functions in functions": "".join(" " * n + f"def f{n}():\n" for n in range(95))
    + " " * 95
    + "a(b);" * 35_000
    + "\n"
    + AGENT,
    "branches in branches": "if a: b()\n" + "elif a: b()\n" * 290 + "else:\n  " + "b();" * 35_000 + "\n" + AGENT,
    "branches in loops": FOR + "if c:\n   " + "d();" * 35_000 + "\n" + AGENT,
    "crews and classes": lines("class A@: pass\n", 20_000) + "crew = Crew()\n" * 500 + AGENT,
    "bases": lines("class A@: pass\n", 15_000)
    + "class B("
    + lines("A@,", 15_000)
    + "): pass\n"
    + FOR
    + "B().x\n"
    + AGENT,
    "a chain of classes": "class A0: pass\n" + lines("class A#(A@): pass\n", 15_000) + FOR + "A15000().x\n" + AGENT,
    "long expressions": FOR + "c = lambda: " + "+".join("abcdefgh"[n % 8] for n in range(110)) + "\n" + AGENT,
    "expressions over lines": FOR + "c = lambda: (\n" + "d," * 70_000 + "\n)\n" + AGENT,
    "a long name": FOR + f"@before_kickoff\n  def {LONG}(): pass\n" + AGENT,
    "a long chain": FOR + "c = d" + ".e" * 280 + "\n" + AGENT,
    "a deep chain": "x = a" + ".b" * 100_000 + "\n" + AGENT,
    "deep operators": "x = " + "-" * 100_000 + "a\n" + AGENT,
    "deep conditions": "x = " + "a if b else " * 20_000 + "c\n" + AGENT,
    "deep lambdas": "x = " + "lambda: " * 20_000 + "c\n" + AGENT,
    "many words": "a\n" * 250_000,
    "many signs": "x = [" + "[]," * 160_000 + "]\n" + AGENT,
    "many f-strings": "x = f'" + "{a}" * 160_000 + "'\n" + AGENT,
    "insertions": "x = [1]\n" + "x += x\n" * 17 + FOR + "x.insert(0, 1)\n" + AGENT,
    "fields of a class": "class A(BaseModel):\n" + lines("  a@: int\n", 20_000) + TASK,
    "unions": "class A(BaseModel):\n  a: Union[" + lines("Literal[@],", 20_000) + "]\n" + TASK,
    "docstrings": f"class A(BaseModel):\n  '''{WIDE}'''\n"
    "class B(BaseModel):\n" + lines("  a@: A\n", 5_000) + "Task(description='d', output_json=B)\n",
    "quoted types": "class A(BaseModel):\n  a: '" + "int | " * 60_000 + "int'\nTask(description='d', output_json=A)\n",
    "quoted types in many fields": "class A(BaseModel):\n" + lines("  a@: 'list[" + "int," * 40 + "]'\n", 2_000) + TASK,
    "inputs that nobody uses": "Crew(agents=[Agent(role='{a}')], tasks=[]).kickoff(inputs={"
    + lines("'k@': 1,", 25_000)
    + "})\n",
    "placeholders": "Agent(role='"
    + lines("{a@}", 12_000)
    + "')\nCrew(agents=[], tasks=[]).kickoff(inputs={"
    + lines("'a@': 1,", 12_000)
    + "})\n",
    "members by name": "x = ['a']\n" + "x += x\n" * 14 + "Crew(agents=x, tasks=x)\nAgent(role='r')\n",
    "members by many names": "Crew(agents=[" + lines("'a b@',", 20_000) + "], tasks=[])\n",
    "long names of members": "Crew(agents=[" + lines(f"'{'a ' * 400}@',", 290) + "], tasks=[])\n",
    "tasks in contexts": "T = []\n"
    + L
    + "for a in M: T.append(Task(description=f'{a}', context=T))\nCrew(agents=[], tasks=T)\n",
    "tasks made twice": L
    + "def f():\n  T = []\n  for a in M[:290]: T.append(Task(description='d', context=T))\n  return T\n"
    "Crew(agents=[], tasks=f())\n",
    "indentation": "x = '''\n" + " " * 200_000 + "a\n" + " " * 200_000 + "b'''\n" + AGENT,
    "indentation in loops": FOR + "c = '''\n" + " " * 50_000 + "a\n'''\n" + AGENT,
    "documents": "import yaml\n" + FOR + f"c = yaml.safe_load(open('{LONG}'))\n" + AGENT,
    "settings": "import os\n" + FOR + f"os.environ['API_KEY'] = '{LONG}'\n" + AGENT,
    "unknown fields": "m = {" + lines(f"'{'k' * 90}@': 1,", 3_000) + "}\n" + "Agent(**m)\n" * 100,
    "long unknown fields": f"m = {{'{LONG}': 1, '{LONG}2': 1}}\n" + "Agent(**m)\n" * 250,
    "imports": lines("import m@\n", 30_000) + AGENT,
    "methods that change an attribute": "class A:\n"
    + lines("  def m@(self, v): self.x = v\n", 8_000)
    + "  x = 'a'\n  def run(self):\n"
    + "    y = self.x\n" * 3_000
    + "    Agent(role=x)\nA().run()\n",
    "changes in loops": "def f(z):\n" + lines(" for x in z:\n  z.a = 1\n", 9_000) + AGENT,
    "entries in branches": "import z\nd = {}\n"
    + lines("if z.q@:\n d['k@'] = 'x'\nelse:\n d['k@'] = 'y'\n", 6_000)
    + AGENT,
    "names in an endless loop": "import z\nwhile z.a:\n" + lines(" a# = a@ if z else 'x'\n", 9_000) + AGENT,
    "calls within calls": "x = " + "f(" * 150 + "[" + "1," * 60_000 + "]" + ")" * 150 + "\n" + AGENT,
}

FILES = {
    "YAML of many values": {"agents.yaml": "a: [" + "x," * 100_000 + "]"},
    "many YAML files": {f"{n}.yaml": lines("a@: {role: [x, y, z], goal: {b: c}}\n", 5_000) for n in range(15)},
    "YAML of comments": {"agents.yaml": "#\n" * 120_000 + "a: {role: b}"},
    "YAML of lines": {"agents.yaml": "a:\n  role: " + "x\n\n    " * 40_000},
    "YAML of folded lines": {"agents.yaml": "a:\n  role: >\n" + "    x\n\n" * 30_000},
    "YAML of brackets": {"agents.yaml": "a: " + "[" * 250_000},
    "YAML of keys": {"agents.yaml": "? " * 120_000},
    "YAML of dashes": {"agents.yaml": "- " * 120_000},
    "YAML of quotes": {"agents.yaml": "a: '" + "''" * 120_000},
    "YAML of entries": {"agents.yaml": lines("a@: {role: b}\n", 6_000)},
    "YAML of aliases": {"agents.yaml": "a: &a [x]\n" + lines("b@: [*a, *a]\n", 10_000)},
    "Python files that import each other": {
        f"p{n}/a.py": lines("import a\nfrom a import *\n", 200) + lines("n@ = 1\n", 200) for n in range(190)
    },
    "a chain of modules": {f"m{n}.py": f"import m{n + 1}\nx = Agent(role='{n}')\n" for n in range(190)},
    "too many files": {f"{n}.py": AGENT for n in range(300)},
    "JSON that gives a field twice": {"a.json": "{" + lines('"a@":1,', 80_000) + '"a79999":1}'},
    "JSON of faults": {"a.json": '{"tasks": [], "agents": [' + "1," * 400_000 + "1]}"},
    "JSON of faulty keys": {
        "a.json": '{"agents": [], "tasks": [{"key": "a", "description": "", "context": [' + "1," * 49_000 + "1]}]}"
    },
    "JSON of deep faults": {"a.json": '{"tasks": [], "agents": ' + "[" * 95 + "1," * 45_000 + "1" + "]" * 95 + "}"},
    "JSON of unknown fields": {"a.json": '{"tasks": [], "agents": [], ' + lines('"a@":1,', 20_000) + '"b": 1}'},
    "JSON of escapes": {"a.json": '{"tasks": [], "agents": [1], "x": "' + '\\"' * 400_000 + '"}'},
    "JSON of brackets": {"a.json": '{"agents": ' + "[" * 400_000},
    "JSON that is not quite": {"a": '{"a": [' + "1 , \n " * 150_000 + "]}"},
    "JSON of numbers": {"a.json": '{"agents": ' + "9" * 900_000 + ', "tasks": []}'},
    "a notebook": {
        "a.ipynb": '{"nbformat": 4, "cells": [' + '{"cell_type": "code", "source": ["a\\n"]},' * 20_000 + "{}]}"
    },
    "a notebook of numbers": {
        "a.ipynb": '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [' + "1," * 400_000 + "1]}]}"
    },
    "fences": {"": "```python\na = Agent(role='x')\n```\n" * 30_000},
    "fences in fences": {"": "~~~~\n```\n" * 100_000},
    "numbers of lines": {"": lines("@\n", 100_000)},
    "numbered lines": {"": lines("#: a = 1\n", 60_000)},
    "spaces at the beginning": {"": " " * 990_000 + "a"},
    "lines of spaces": {"": ("a" + " " * 3_000 + "=\n") * 300},
    "commands": {"": "!" * 100_000 + "\n" + "!a\n" * 100_000},
    "a line that is no Python": {"a.py": "print" + " " * 300_000 + "x"},
    "a line of words": {"a.py": "word " * 80_000},
}
