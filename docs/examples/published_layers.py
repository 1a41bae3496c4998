# %% [markdown]
# # Published layers, as they are written
#
# Eight papers write linear attention in eight ways. Here each is a small layer, in the letters of its paper, for PyTorch
# or for NumPy alike: it multiplies, transposes (`.mT`) and slices, and nothing else. `theory.from_layer` reads the weights
# with the row of [the table of conventions](../conventions.md), and the exact risk meets the layer's own error.
#
# A prompt is a batch of tokens $(x, y)$, `(prompts, n + 1, d + 1)`; the last token is the query's, with label 0.

# %%
import numpy as np

import theory
from theory.conventions import CONVENTIONS

try:
    import torch  # where it is installed the layers run on its tensors

    array = torch.as_tensor
except ImportError:
    array = np.asarray

D, NOISE = 2, 0.1
rng = np.random.default_rng(0)


def weights(*shape):
    """Random weights in double precision."""
    return array(rng.standard_normal(shape) / 2)


def query(z):
    """The last token of each prompt, as a row."""
    return z[:, -1:]


def shots(z):
    """All the others."""
    return z[:, :-1]


# %% [markdown]
# ## The layers
#
# Each takes its weights and prompts, and returns a prediction for each prompt; beside it, how `from_layer` is given the
# weights.


# %%
def ahn(P, Q, z):
    """Z + (1/n) P Z M (Z'QZ), tokens in the columns of Z, M dropping the query; minus the label's entry of the query's."""
    n = z.shape[1] - 1
    Z_out = query(z) + (query(z) @ Q @ shots(z).mT) @ (shots(z) @ P.mT) / n
    return -Z_out[:, 0, -1]


def von_oswald(P, W_Q, W_K, W_V, z):
    """e_q + sum over heads of P_h W_V,h sum_i e_i (W_K,h e_i)'(W_Q,h e_q); minus the label's entry; not divided."""
    out = query(z)
    for h in range(len(P)):
        scores = (query(z) @ W_Q[h].mT) @ (shots(z) @ W_K[h].mT).mT
        out = out + scores @ shots(z) @ W_V[h].mT @ P[h].mT
    return -out[:, 0, -1]


def zhang_frei_bartlett(W_PV, W_KQ, z):
    """E + W_PV E E' W_KQ E / n: the query is one of the tokens of E E'."""
    n = z.shape[1] - 1
    out = query(z).mT + W_PV @ z.mT @ z @ W_KQ @ query(z).mT / n
    return out[:, -1, 0]


def mahankali(W_Q, W_K, W_V, z):
    """The label's entry of W_V sum_i z_i (z_i' W_K' W_Q z_q), not divided."""
    return (W_V @ shots(z).mT @ shots(z) @ W_K.mT @ W_Q @ query(z).mT)[:, -1, 0]


def lu(Gamma, z):
    """<Gamma, H_Z>, H_Z = x_q [ (d/n) sum y_i x_i', (1/n) sum y_i^2 ]."""
    n, x, y = z.shape[1] - 1, shots(z)[:, :, :-1], shots(z)[:, :, -1:]
    read = query(z)[:, :, :-1] @ Gamma
    return (read[:, :, :-1] @ x.mT @ y * (D / n) + read[:, :, -1:] * (y.mT @ y) / n)[:, 0, 0]


def zhang_singh(W_V, W_KQ, z):
    """z_q + sum over heads of W_V,h Z Z' W_KQ,h z_q / n, the query among the columns of Z."""
    n = z.shape[1] - 1
    out = query(z).mT
    for h in range(len(W_V)):
        out = out + W_V[h] @ z.mT @ z @ W_KQ[h] @ query(z).mT / n
    return out[:, -1, 0]


def li(W_q, W_k, z):
    """z_q' W_q W_k' Z'y / n on rows."""
    n, y = z.shape[1] - 1, shots(z)[:, :, -1:]
    return (query(z) @ W_q @ W_k.mT @ shots(z).mT @ y / n)[:, 0, 0]


def wu(Gamma, z):
    """One step of gradient descent: x_q' Gamma X'y / n."""
    n, x, y = z.shape[1] - 1, shots(z)[:, :, :-1], shots(z)[:, :, -1:]
    return (query(z)[:, :, :-1] @ Gamma @ x.mT @ y / n)[:, 0, 0]


WIDTH, HEADS = D + 1, 2
LABEL = np.zeros((WIDTH, WIDTH))
LABEL[-1, -1] = 1  # v = (0, ..., 0, 1): values are labels


def beside(block):
    """The rows of x of a merged key-query matrix, the query's label meeting nothing."""
    return np.pad(np.asarray(block), ((0, 1), (0, WIDTH - block.shape[1])))


LAYERS = {  # the paper's number: the layer, its weights, and W_Q, W_K, W_V, W_O as from_layer takes them
    "2306.00297": (ahn, [weights(WIDTH, WIDTH) for _ in "PQ"], lambda P, Q: (None, Q, P)),
    "2212.07677": (
        von_oswald, [weights(HEADS, WIDTH, WIDTH) / 3 for _ in "PQKV"], lambda P, Q, K, V: (Q, K, V, P)
    ),
    "2306.09927": (zhang_frei_bartlett, [weights(WIDTH, WIDTH) for _ in "VQ"], lambda V, KQ: (None, KQ.mT, V)),
    "2307.03576": (mahankali, [weights(WIDTH, WIDTH) for _ in "QKV"], lambda Q, K, V: (Q, K, V)),
    "2405.11751": (
        lu, [weights(D, WIDTH)], lambda G: (None, beside(G) * np.array([D] * D + [1]), LABEL)
    ),
    "2501.16265": (zhang_singh, [weights(HEADS, WIDTH, WIDTH) for _ in "VQ"], lambda V, KQ: (None, KQ.mT, V)),
    "2407.10005": (li, [weights(WIDTH, WIDTH) for _ in "qk"], lambda q, k: (q.mT, k.mT, LABEL)),
    "2310.08391": (wu, [weights(D, D)], lambda G: (None, beside(G), LABEL)),
}  # fmt: skip
ALIKE = {"2602.23197", "2505.14808"}  # the library's own convention, and the layer of 2306.09927 again
assert LAYERS.keys() | ALIKE == {row.arxiv for row in CONVENTIONS}

# %% [markdown]
# ## Each in the library's convention, and its risk
#
# `check=` holds the weights, as they were read, against the layer itself. Then the exact risk, on a task of unit length and
# at five shots, against the mean squared error of the layer on 20,000 prompts.

# %%
target, n_shots, size = np.array([0.6, 0.8]), 5, 20_000
x = rng.standard_normal((size, n_shots + 1, D))
y = x @ target + np.sqrt(NOISE) * rng.standard_normal((size, n_shots + 1))
prompts, answers = np.concatenate([x, y[..., None]], axis=2), y[:, -1].copy()
prompts[:, -1, -1] = 0

for row in (row for row in CONVENTIONS if row.arxiv not in ALIKE):
    forward, own, given = LAYERS[row.arxiv]
    model = theory.from_layer(
        *given(*own),
        check=lambda z, forward=forward, own=own: forward(*own, array(z[None])),
        **row.layer,
        **row.setting,
    )
    exact = theory.risk(model, n_shots, target=target, noise_variance=NOISE, **row.setting)
    squared = (answers - np.asarray(forward(*own, array(prompts)))) ** 2
    error = squared.std() / np.sqrt(size)
    print(f"{row.paper[:45]:45} exact {exact:8.4f}, the layer {squared.mean():8.4f} +- {error:.4f}")
    assert abs(squared.mean() - exact) < 6 * error

# %% [markdown]
# A wrong row of the table does not pass: the layer of Zhang, Frei and Bartlett, read as if its query were masked.

# %%
row = next(row for row in CONVENTIONS if row.arxiv == "2306.09927")
forward, own, given = LAYERS[row.arxiv]
told = ""
try:
    theory.from_layer(
        *given(*own), check=lambda z: forward(*own, array(z[None])), **row.layer, **row.setting, query="masked"
    )
except ValueError as error:
    told = str(error)
print(told)
assert "query='attends'" in told
