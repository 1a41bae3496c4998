"""The signature of a function that takes a setting's arguments, as ``help`` shows it: each of them, its type and default."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TypeVar

from .setting import Setting, SettingArguments

Function = TypeVar("Function")


def spelt_out(function: Function) -> Function:
    """The same function; for ``**arguments`` help shows the arguments of a Setting.

    Examples
    --------
    >>> from theory.calculator import fixed_point
    >>> str(signature(fixed_point).parameters["noise_variance"])
    "noise_variance: 'Numbers' = 0"
    """
    shown: dict[str, Parameter] = {}
    told = signature(function)  # type: ignore[arg-type]
    for name, parameter in told.parameters.items():
        if parameter.kind is not Parameter.VAR_KEYWORD:
            shown[name] = parameter
            continue
        for each, kind in SettingArguments.__annotations__.items():
            text = getattr(kind, "__forward_arg__", kind)
            default = Setting._field_defaults[each]
            shown[each] = Parameter(each, Parameter.KEYWORD_ONLY, default=default, annotation=text)
    function.__signature__ = told.replace(parameters=list(shown.values()))  # type: ignore[attr-defined]
    return function
