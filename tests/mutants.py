"""Mutants: a function with one piece of its source replaced, in its place for the length of a test."""

import inspect
import textwrap

from theory.proofs.theorem import run


def mutate(monkeypatch, module, name, old, new):
    """Replace `old`, which must occur exactly once, by `new` in the source of module.name (or module.Class.name).

    The function's code is replaced in place, so that tables and imports that hold the function see the mutant; what has
    a cache is replaced itself.
    """
    owner = module
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function = inspect.unwrap(getattr(owner, last))
    function = getattr(function, "__func__", function)
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {name}"
    source = source.replace(old, new)
    if function.__closure__:  # it says super()
        source = f"def method(__class__):\n{textwrap.indent(source, '    ')}\n    return {last}\n{last} = method(None)"
    namespace = dict(function.__globals__)  # of the module where it is written
    exec(compile(source, f"<mutant of {name}>", "exec"), namespace)
    mutant = namespace[last]
    if hasattr(getattr(owner, last), "cache_clear"):
        monkeypatch.setattr(owner, last, mutant)
        return
    monkeypatch.setattr(function, "__code__", getattr(mutant, "__func__", mutant).__code__)


def assert_refuted(monkeypatch, theorem, module, name, old, new):
    """The theorem's proof, with the mutant in place, must fail and say where."""
    mutate(monkeypatch, module, name, old, new)
    result = run(theorem)
    assert not result.proved
    assert result.failure
