"""The figures by name, in the gallery's order; a figure's module is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from theory import Setting

    from .table import Table

FORMATS = ("png", "pdf", "svg")
MOST_DPI = 1200  # what printers of line art ask for; the largest figure then takes half a gigabyte

Look = Literal["paper", "talk", "dark", "talk,dark"]  # talk: letters and lines for a slide; dark: light on a dark page
LOOKS: tuple[Look, ...] = get_args(Look)

NAMES = (
    "pretrained_by_dimension",
    "zero_shot_scale",
    "zero_shot_value_scale",
    "theory_against_trained",
    "six_strategies",
    "gradient_flow",
    "auxiliary_window",
    "best_strategy",
    "price_of_value",
    "practices",
    "prices",
    "replay_transition",
    "plateau",
    "lora_ranks",
    "pareto",
    "memorisation",
    "covariance",
    "large_dimension",
    "trust",
    "claims_ledger",
    "published_formulas",
)


class FigureModule(Protocol):
    """What a figure's module exposes."""

    NAME: str
    TITLE: str
    CAPTION: str  # what is plotted, with fields for caption(); its first sentence is the alternative text
    THEOREM: str  # the results it draws
    NOTICE: str  # what to notice

    def data(self, **options: Any) -> Table:
        """The plotted numbers, from theory and numerics.

        Those that show trained models take ``training=directory``, those not in FIXED ``setting=``, by default their SETTING.
        """

    def draw(self, table: Table) -> Figure:
        """The picture of these numbers."""


# These take no setting, and why.
FIXED = {
    "pretrained_by_dimension": "it is the published figure, at four dimensions without noise, where the threshold is d - 1",
    "zero_shot_value_scale": "it holds a number that was printed for the published experiments",
    "theory_against_trained": "its models were trained in the published experiments' setting",
    "replay_transition": "in another world there may be no two local minima to pass between",
    "trust": "its cells are a declared list, with one error rate for all of them",
    "claims_ledger": "the claims are about the published experiments",
    "published_formulas": "each panel is in the world of its paper",
}
# These take a setting without some of its numbers, and why.
UNUSED = {
    "large_dimension": dict.fromkeys(
        ("d", "pretrain_shots"), "it draws d = 5, 20, 100 and the limit, each with m = 4 d"
    )
}
TRAINED = frozenset({"theory_against_trained", "claims_ledger"})  # show trained models


def arguments(name: str) -> tuple[str, ...]:
    """What a figure's function takes."""
    own = ["setting"] * (name not in FIXED) + ["training"] * (name in TRAINED)
    return (*own, "ax", "look")


def load(name: str) -> FigureModule:
    """The module of a figure."""
    return cast(FigureModule, importlib.import_module(f".drawn.{name}", __package__))


def refusal(name: str, setting: Setting) -> str | None:
    """Why a figure cannot be drawn in a setting of one's own, or None where it can."""
    if name in FIXED:
        return FIXED[name]
    given = vars(load(name))["SETTING"]
    for field, reason in UNUSED.get(name, {}).items():
        if getattr(setting, field) != getattr(given, field):
            return f"{reason}: {field} = {getattr(setting, field)} would change nothing"
    return None


def caption(name: str, setting: Setting | None = None) -> str:
    """A figure's caption, whose numbers are the setting's; None: the published experiments'.

    Examples
    --------
    >>> import theory
    >>> caption("price_of_value", theory.Setting(d=7, noise_variance=0.2, pretrain_shots=20)).split("against ")[1][:31]
    'n + 1 for d = 2, 5, 7, 20, 100;'
    """
    module = load(name)
    if name in FIXED:
        return module.CAPTION
    parts = vars(module)
    world: Setting = parts["SETTING"] if setting is None else setting
    told = parts["told"](world) if "told" in parts else {}
    m = "∞" if world.pretrain_shots == float("inf") else world.pretrain_shots
    return module.CAPTION.format(d=world.d, m=m, noise=world.noise_variance, **told)
