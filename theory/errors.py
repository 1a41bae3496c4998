"""What the library says where it refuses: the argument, the value, what is allowed, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The symbols of papers, for whoever tries one as a keyword.
SYMBOLS = {
    "n": "n_shots", "theta": "task", "dimension": "d", "Sigma": "covariance", "Psi": "task_covariance",
    "sigma2": "noise_variance", "theta_0": "target", "m": "pretrain_shots", "lambda": "few_shot_weight",
    "w_0": "value_scale", "N": "normalization", "mask": "query",
}  # fmt: skip
ROOTS = ("sigma", "noise_std", "std")  # what noise_variance is the square of
OF_SETTING = frozenset(SYMBOLS.values()) - {"n_shots", "task"}
OF_RISK_ALONE = ("n_shots", "task", "certify")  # neither a setting's nor a fixed point's


class NoClosedForm(ValueError):
    """No closed form exists for what was asked; the message says why and what computes it numerically."""


def describe(value: object) -> str:
    """A short repr for messages."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 80 else text[:77] + "..."


def reject(argument: str, value: object, allowed: str, kind: type[Exception] = ValueError) -> Exception:
    """The error to raise: argument, value, what is allowed."""
    return kind(f"{argument} = {describe(value)} is not allowed: {argument} must be {allowed}")


def nearest(argument: str, value: str, names: Sequence[str], otherwise: str = "") -> Exception:
    """The error for an unknown name, with the nearest valid one."""
    import difflib  # only where something is wrong

    near = difflib.get_close_matches(value, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return ValueError(
        f"{argument} = {describe(value)} is unknown{hint}; allowed: {', '.join(map(repr, names))}{otherwise}"
    )


def unknown_keywords(function: str, unknown: Iterable[str], allowed: Sequence[str]) -> None:
    """A TypeError for keywords that the function does not take."""
    for name in unknown:
        hint = ""
        if name in ROOTS and "noise_variance" in allowed:
            hint = f" (did you mean 'noise_variance', the square of {name}?)"
        elif "setting" in allowed and (own := SYMBOLS.get(name, name)) in OF_SETTING.difference(allowed):
            hint = f" (it is an argument of a setting: setting=theory.Setting({own}=...))"
        elif name not in OF_RISK_ALONE and (meant := _meant(name, allowed)):
            hint = f" (did you mean {meant!r}?)"
        elif meant := _meant(name, OF_RISK_ALONE):
            hint = f" ({meant!r} is an argument of theory.risk)"
        raise TypeError(f"{function}() got an unknown argument {describe(name)}{hint}; allowed: {', '.join(allowed)}")


def _meant(name: str, allowed: Sequence[str]) -> str | None:
    """The argument whose name, symbol or word of its name is nearest to the name or to a word of it."""
    known = {name: name for name in allowed}
    known |= {symbol: argument for symbol, argument in SYMBOLS.items() if argument in known}
    for argument in allowed:
        for word in argument.split("_"):
            known.setdefault(word, argument)
    for word in (name, *name.split("_")):
        import difflib  # only where something is wrong

        near = difflib.get_close_matches(word, known, n=1)
        near += [whole for whole in known if len(word) > 2 and whole.startswith(word)]  # cov, norm, dim
        if near:
            return known[near[0]]
    return None
