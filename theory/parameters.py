"""AttentionParameters: a layer, as arrays (v, Q) or as six isotropic scalars, and the step from one to the other."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from . import validation
from .kinds import Array, Number, common_kind, whole_as_floats
from .names import Normalization, Query
from .prompt import NORMALIZATIONS
from .prompt import tokens as token_count
from .setting import QUERIES

_PLAIN = frozenset({int, float})


class IsotropicScalars(NamedTuple):
    """The six scalars (alpha, w, q, beta, gamma, delta) of an odd-symmetric isotropic model."""

    alpha: Number
    w: Number
    q: Number
    beta: Number
    gamma: Number
    delta: Number

    def scaled(self, k: Number) -> IsotropicScalars:
        """The same prediction at another value scale: (v, Q) -> (k v, Q / k)."""
        return IsotropicScalars(k * self.alpha, k * self.w, self.q / k, self.beta / k, self.gamma / k, self.delta / k)


def attention_sum(v: Array, u: Array, tokens: Array) -> Array:
    """The sum over tokens z of (v'z)(u'z), u = Q'z_q: shapes (d + 2,), (..., d + 2), (..., tokens, d + 2) to (...)."""
    values = np.einsum("...ta,a->...t", tokens, v)
    scores = np.einsum("...ta,...a->...t", tokens, u)
    return cast(Array, np.einsum("...t,...t->...", values, scores))


def _of_heads(x: Array) -> Any:
    """A number of one head, an array of several heads' numbers."""
    return x.item() if x.ndim == 0 else x


def dimension_beside(model: AttentionParameters, d: Any, *others: Any) -> Any:
    """The dimension that a model gives where neither d nor another argument (a setting, an array) does."""
    return model.d if d is None and all(other is None for other in others) else d


def require_dimension(model: AttentionParameters, d: Any) -> None:
    """A model and a setting must be of one dimension."""
    if not (np.ndim(model.d) == np.ndim(d) == 0 and model.d == d):
        raise ValueError(
            f"d = {validation.describe(d)} is not allowed with a model of d = {validation.describe(model.d)}, whose v has "
            f"d + 2 entries; they must agree. {validation.PADDING}"
        )


class AttentionParameters:
    r"""The parameters (v, Q) of one-layer linear attention that the prediction depends on.

    The prediction is :math:`N^{-1} \sum_h \sum_z (v_h^\top z)(z_q^\top Q_h z) + c^\top (1, x_q)` over the n shots
    :math:`z_i = (1, x_i, y_i)`, the query :math:`z_q = (1, x_q, 0)` and the prompt's tokens: :math:`v_h` is the last row of a
    head's value matrix, :math:`Q_h` its merged key-query matrix.

    Parameters
    ----------
    v : array (d + 2,) or (H, d + 2)
        :math:`(v_0, v_x, w)`: the last row of the value matrix, of one head or of H.
    Q : array (d + 2, d + 2) or (H, d + 2, d + 2)
        Key-query matrix; its last row meets the query's empty label slot and has no effect.
    prompt : array (k, d + 2), optional
        Fixed tokens beside the shots (a soft prompt), any vectors.
    skip : array (d + 1,), optional
        c: a linear readout of (1, x_q) beside the attention.

    Raises
    ------
    ValueError, TypeError
        For a wrong shape, a NaN or infinite entry, a type that is not a real number.

    Notes
    -----
    An isotropic fixed point is held, and shown, as six scalars beside the target :math:`\theta_0`
    (:attr:`isotropic`):

    - ``alpha``: :math:`v_x = \alpha\,\theta_0`, how an input enters the value;
    - ``w``: :math:`V_{yy}`, the value scale, how a label enters the value;
    - ``q``: :math:`Q_{00}`, the score between the two constants;
    - ``beta``, ``gamma``: :math:`B = Q_{xx} = \beta I + \gamma\,\theta_0\theta_0^\top`, the score between the query's
      input and a token's, equal in all directions, and more along the target;
    - ``delta``: :math:`Q_{xy} = \delta\,\theta_0`, the score between the query's input and a token's label.

    Examples
    --------
    >>> import numpy as np
    >>> model = AttentionParameters(np.array([0.0, 0.0, 1.0]), np.diag([0.0, 0.8, 0.0]))
    >>> model.d, model.value_scale
    (1, 1.0)
    """

    __slots__ = ("_dense", "_scalars", "_target", "d", "prompt", "skip")

    def __init__(
        self, v: ArrayLike, Q: ArrayLike, prompt: ArrayLike | None = None, skip: ArrayLike | None = None
    ) -> None:
        self._dense: tuple[Array, Array] | None = validation.heads(v, Q)
        self._scalars: IsotropicScalars | None = None
        self._target: Array | None = None
        width = self._dense[0].shape[-1]
        self.d: Number = width - 2
        self.prompt: Array | None = None if prompt is None else validation.prompt_tokens("prompt", prompt, width)
        self.skip: Array | None = None if skip is None else validation.vector("skip", skip, width - 1, nonzero=False)

    @classmethod
    def from_isotropic(cls, scalars: IsotropicScalars, d: Number, target: Any = None) -> AttentionParameters:
        """The model of six isotropic scalars; the target (default: the first unit vector) gives them a direction."""
        model = cls.__new__(cls)
        model._dense, model._scalars, model._target, model.d = None, scalars, target, d
        model.prompt = model.skip = None
        return model

    def _key(self) -> tuple[Any, ...]:
        """What makes two models equal: the same numbers, given the same way."""
        numbers: tuple[Any, ...]
        if self._scalars is not None:
            numbers = (*self._scalars, self.d, self._target)
        else:
            numbers = (*self.entries(), self.prompt, self.skip)
        return tuple((x.shape, *x.flat) if isinstance(x, np.ndarray) else x for x in numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttentionParameters) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def n_heads(self) -> int:
        """H, the number of heads."""
        return 1 if self._scalars is not None or self.entries()[0].ndim == 1 else len(self.entries()[0])

    def heads(self) -> list[tuple[Array, Array]]:
        """(v_h, Q_h) of each head, in the numbers that they were given in."""
        v, Q = self.entries()
        return [(v, Q)] if v.ndim == 1 else list(zip(v, Q, strict=True))

    @property
    def target(self) -> Array | None:
        """The direction of the six scalars; None: the first unit vector."""
        return self._target

    @property
    def isotropic(self) -> IsotropicScalars | None:
        """The six scalars (alpha, w, q, beta, gamma, delta), if the model was given by them."""
        return self._scalars

    def dense(self) -> tuple[Array, Array]:
        """(v, Q) as arrays, whole numbers as floats; six scalars are expanded on the first call, d must then be a number."""
        v, Q = self.entries()
        return whole_as_floats(v), whole_as_floats(Q)

    def entries(self) -> tuple[Array, Array]:
        """(v, Q) in the numbers that they were given in."""
        if self._dense is None:
            assert self._scalars is not None
            plain = _PLAIN.issuperset(map(type, self._scalars))
            if not (plain and type(self.d) is int) and any(isinstance(x, np.ndarray) for x in (*self._scalars, self.d)):
                raise ValueError(
                    "v and Q are not arrays here: the setting holds arrays of numbers; ask one setting at a time"
                )
            if type(self.d) is not int:
                raise validation.reject("d", self.d, "one whole number where v and Q are asked for as arrays")
            alpha, w, q, beta, gamma, delta = self._scalars
            exact = not plain and any(not isinstance(x, int | float) for x in self._scalars)
            one = np.eye(self.d, dtype=int).astype(object) if exact else np.eye(self.d)
            theta = one[0] if self._target is None else np.asarray(self._target)
            B = beta * one + np.multiply.outer(gamma * theta, theta)
            v, Q = (np.zeros(shape, dtype=B.dtype) for shape in ((self.d + 2,), (self.d + 2, self.d + 2)))
            v[1:-1], v[-1] = alpha * theta, w
            Q[0, 0], Q[1:-1, 1:-1], Q[1:-1, -1] = q, B, delta * theta
            self._dense = v, Q
        return self._dense

    @property
    def v(self) -> Array:
        """(v_0, v_x, w), shape (d + 2,)."""
        return self.dense()[0]

    @property
    def Q(self) -> Array:
        """The key-query matrix, shape (d + 2, d + 2)."""
        return self.dense()[1]

    @property
    def value_scale(self) -> Number:
        """w = V_yy: how a shot's label enters the prediction."""
        if self._scalars is not None:
            return self._scalars.w
        return _of_heads(self.v[..., -1])

    @property
    def v_x(self) -> Array:
        """How an input enters the value, shape (d,)."""
        return self.v[..., 1:-1]

    @property
    def q(self) -> Number:
        """Q_00."""
        return self._scalars.q if self._scalars is not None else _of_heads(self.Q[..., 0, 0])

    @property
    def B(self) -> Array:
        """Q_xx, shape (d, d)."""
        return self.Q[..., 1:-1, 1:-1]

    @property
    def q_xy(self) -> Array:
        """Q_xy, shape (d,)."""
        return self.Q[..., 1:-1, -1]

    def predict(
        self,
        tokens: ArrayLike,
        normalization: Normalization | float = "tokens",
        query: Query = "attends",
    ) -> Any:
        r"""The model's prediction for prompts.

        .. math:: \hat y_q = N^{-1} \sum_z (v^\top z)\,(z_q^\top Q z),

        summed over heads and tokens: the shots, the query's own unless it is masked, a prompt's; and the skip is added.

        Parameters
        ----------
        tokens : array (n + 1, d + 2) or (prompts, n + 1, d + 2)
            The shots (1, x, y) in any order, then the query (1, x_q, 0).
        normalization : "tokens", "shots" or a number
            Whether N = n + 1 (and a prompt's tokens more), N = max(n, 1), or that number.
        query : {"attends", "masked"}
            Whether the query's own token is among the tokens summed over.

        Returns
        -------
        float, or array (prompts,)
            In units of the label. Fractions in the model and the tokens alike give Fractions, a Symbol expressions.

        Raises
        ------
        ValueError, TypeError
            For tokens of another shape, a first entry that is not 1, a query whose label slot is not 0.

        Examples
        --------
        >>> import numpy as np
        >>> model = AttentionParameters(np.array([0.0, 0.0, 1.0]), np.diag([0.0, 1.0, 0.0]))
        >>> model.predict([[1, 2, 6], [1, 0.5, 0]])  # x = 2, y = 6; x_q = 1/2: y x x_q / 2
        3.0

        A layer of your own on tokens (x, y), without the constant, gets a zero for it at the front:

        >>> v, Q = np.array([0.0, 1.0]), np.diag([1.0, 0.0])
        >>> model = AttentionParameters(np.pad(v, (1, 0)), np.pad(Q, ((1, 0), (1, 0))))
        >>> model.predict([[1, 2, 6], [1, 0.5, 0]])
        3.0
        """
        normalization = validation.normalization(normalization, NORMALIZATIONS)
        validation.choice("query", query, QUERIES)
        v, Q = self.entries()
        z = validation.prompts("tokens", tokens, v.shape[-1])
        number = None if isinstance(normalization, str) else normalization
        kind = common_kind((v, Q, z, self.prompt, self.skip, number))
        z = kind.array(z)
        prompt = np.zeros((0, v.shape[-1]), dtype=kind.dtype) if self.prompt is None else kind.array(self.prompt)
        N = token_count(z.shape[-2] - 1, normalization if number is None else kind.number(number), len(prompt))
        shots, asked = z[..., :-1, :] if query == "masked" else z, z[..., -1, :]
        total: Any = 0
        for v_h, Q_h in self.heads():
            u = np.einsum("...a,ab->...b", asked, kind.array(Q_h))
            for seen in (shots, prompt) if len(prompt) else (shots,):
                total = total + attention_sum(
                    kind.array(v_h), u, np.broadcast_to(seen, (*u.shape[:-1], *seen.shape[-2:]))
                )
        prediction = total / N
        if self.skip is not None:
            prediction = prediction + np.einsum("...a,a->...", asked[..., :-1], kind.array(self.skip))
        return prediction if z.ndim == 3 else np.asarray(prediction).item()

    def __repr__(self) -> str:
        if self._scalars is not None:
            parts = ", ".join(f"{name}={value}" for name, value in self._scalars._asdict().items())
            return f"AttentionParameters(isotropic, d={self.d}, {parts})"
        more = "" if self.n_heads == 1 else f", {self.n_heads} heads"
        more += "" if self.prompt is None else f", {len(self.prompt)} prompt tokens"
        return f"AttentionParameters(d={self.d}{more}{'' if self.skip is None else ', skip'}, value_scale={self.value_scale})"

    def _repr_latex_(self) -> str | None:
        """The six scalars, or v and Q where they fit on a page; None where they do not."""
        if self._scalars is not None:
            parts = (rf"{symbol} = {_latex(value)}" for symbol, value in zip(_SYMBOLS, self._scalars, strict=True))
            return "$" + r", \quad ".join(parts) + "$"
        v, Q = self.dense()
        if len(v) > _SHOWN or v.ndim > 1:
            return None
        return rf"$v = {_matrix(v[None, :])}, \quad Q = {_matrix(Q)}$"


_SYMBOLS = (r"\alpha", "w", "q", r"\beta", r"\gamma", r"\delta")
_SHOWN = 8  # rows of the largest matrix that a notebook shows


def _latex(value: Number) -> str:
    if hasattr(value, "free_symbols"):
        import sympy

        return str(sympy.latex(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _matrix(array: Array) -> str:
    rows = r" \\ ".join(" & ".join(map(_latex, row)) for row in array.tolist())
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
