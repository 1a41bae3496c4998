# %% [markdown]
# # The exact risk of a model of your own
#
# Take the weights of a trained linear-attention layer, bring them to the library's convention, prove to yourself that
# this was done rightly, and get the exact risk at any number of shots. `theory.from_layer` does the first two for you, for
# several heads, output projections, rows or columns and any order of a token's entries; here they are done by hand.

# %%
import numpy as np

import numerics
import theory

# %% [markdown]
# ## A trained layer
#
# In PyTorch the layer is something like
#
# ```python
# class LinearAttention(torch.nn.Module):
#     def __init__(self, width):
#         super().__init__()
#         self.query, self.key, self.value = (torch.nn.Linear(width, width, bias=False) for _ in range(3))
#
#     def forward(self, tokens):                      # (prompts, n + 1, width), the query's token last
#         scores = torch.einsum("pti,pi->pt", self.key(tokens), self.query(tokens[:, -1]))
#         return torch.einsum("pt,pti->pi", scores, self.value(tokens)) / tokens.shape[1]
#
# W_Q, W_K, W_V = (module.weight.detach().double().numpy() for module in (layer.query, layer.key, layer.value))
# ```
#
# Here the same layer is written in NumPy. Pretraining it by SGD takes minutes; so it starts where pretraining ends, at the
# exact fixed point but for a little noise in every entry, and its value matrix is fine-tuned on the zero-shot loss by
# momentum SGD in a second. Tokens are $z = (1, x, y)$, and the query's is $(1, x_q, 0)$.

# %%
D, NOISE = 3, 0.1
rng = np.random.default_rng(0)
setting = theory.Setting(D, noise_variance=NOISE, pretrain_shots=10)
ideal_start = theory.fixed_point("pretrained", setting=setting)
start = theory.AttentionParameters(*(x + 0.01 * rng.standard_normal(x.shape) for x in (ideal_start.v, ideal_start.Q)))
trained = numerics.train(
    "zero_shot_value", D, start=start, pretrain_shots=10, noise_variance=NOISE,
    iterations=1500, batch_size=1000, learning_rate=0.004, rng=1,
)  # fmt: skip

W_Q = rng.standard_normal((D + 2, D + 2))  # the layer keeps two factors of the key-query matrix
W_K = np.linalg.solve(W_Q.T, trained.parameters.Q)
W_V = rng.standard_normal((D + 2, D + 2))
W_V[-1] = trained.parameters.v  # the label is read off the last entry of the output


def layer(tokens):
    """The layer's forward pass: (prompts, n + 1, d + 2) to (prompts,)."""
    scores = np.einsum("pti,pi->pt", tokens @ W_K.T, tokens[:, -1] @ W_Q.T)
    outputs = np.einsum("pt,pti->pi", scores, tokens @ W_V.T) / tokens.shape[1]
    return outputs[:, -1]


# %% [markdown]
# ## Into the library's convention
#
# The library's prediction is $\frac1N\sum_z (v^\top z)(z_q^\top Q z)$. Five questions, each a place to go wrong:
#
# | question | here |
# | --- | --- |
# | In which order are a token's entries? | $(1, x, y)$. Tokens $(x, y)$ without the constant: see below |
# | Which output is the prediction? | the last entry, so v is the last *row* of the value matrix, `W_V[-1]` |
# | Which side of Q is the query's? | the left: `Q = W_Q.T @ W_K`, not its transpose |
# | What is the sum divided by? | by n + 1: `"tokens"`. By n: `"shots"` |
# | Does the query attend to itself? | yes. A layer that masks it out is another model: [when that matters](../conventions.md#a-query-masked-out-of-the-sum) |

# %%
v = W_V[-1]
Q = W_Q.T @ W_K
model = theory.AttentionParameters(v, Q)

# %% [markdown]
# ## A check that detects a wrong convention
#
# On a handful of random prompts the layer and `model.predict` must agree to rounding. A slip in any of the five answers
# shows at once, if the prompts have shots: with none both normalizations divide by 1, and Q and its transpose agree.


# %%
def prompts(n_shots, size, theta):
    """Random prompts on a task, and the noisy answers."""
    x = rng.standard_normal((size, n_shots + 1, D))
    y = x @ theta + np.sqrt(NOISE) * rng.standard_normal((size, n_shots + 1))
    tokens = np.concatenate([np.ones((size, n_shots + 1, 1)), x, y[..., None]], axis=2)
    tokens[:, -1, -1] = 0
    return tokens, y[:, -1]


target = np.eye(D)[0]
tokens, _ = prompts(4, 5, target)
assert np.allclose(model.predict(tokens), layer(tokens), rtol=1e-10, atol=1e-12)
for wrong in (
    theory.AttentionParameters(v, Q.T).predict(tokens),  # keys and queries exchanged
    theory.AttentionParameters(W_V[:, -1], Q).predict(tokens),  # a column of the value matrix in place of its row
    model.predict(tokens, "shots"),  # divided by n
    theory.AttentionParameters(v[[0, D + 1, *range(1, D + 1)]], Q).predict(tokens),  # entries in another order
):
    assert not np.allclose(wrong, layer(tokens), rtol=1e-3, atol=1e-3)

no_shots = tokens[:, -1:]
for missed in (theory.AttentionParameters(v, Q.T).predict(no_shots), model.predict(no_shots, "shots")):
    assert np.allclose(missed, layer(no_shots))  # a check without shots finds neither of these

# %% [markdown]
# ## Tokens (x, y), and layers that act on rows
#
# Many layers have no constant in the token, and multiply from the right, `tokens @ W`. Then $Q = W_Q W_K^\top$, v is the last
# *column* of the value matrix, and both get a zero for the constant at the *front*. Without it the model would be taken
# for one on $d - 1$ inputs, silently: the library cannot know.

# %%
W_query, W_key, W_value = rng.standard_normal((3, D + 1, D + 1))


def row_layer(tokens):
    """A layer on tokens (x, y): (prompts, n + 1, d + 1) to (prompts,)."""
    scores = np.einsum("pti,pi->pt", tokens @ W_key, tokens[:, -1] @ W_query)
    return np.einsum("pt,pti->pi", scores, tokens @ W_value)[:, -1] / tokens.shape[1]


plain_v, plain_Q = W_value[:, -1], W_query @ W_key.T
row_model = theory.AttentionParameters(np.pad(plain_v, (1, 0)), np.pad(plain_Q, ((1, 0), (1, 0))))
assert row_model.d == D
assert theory.AttentionParameters(plain_v, plain_Q).d == D - 1  # not padded: accepted, and another model
assert np.allclose(row_model.predict(tokens), row_layer(tokens[:, :, 1:]))

# %% [markdown]
# ## Its risk curve
#
# Exact, at any shot count and on any task; beside it the mean squared error of the layer's own forward pass, and the
# library's simulation of the same parameters. A model does not know what it was trained on: without `noise_variance`
# the risk is that of labels without noise, and without `target` that of the task $e_1$, the first unit vector.

# %%
shots = (0, 2, 5, 10, 20)
world = {"target": target, "noise_variance": NOISE}
exact = theory.risk(model, shots, **world)
simulated = numerics.estimate(model, shots, prompts=20_000, method="tokens", rng=2, **world)
for k, n_shots in enumerate(shots):
    tokens, answers = prompts(n_shots, 20_000, target)
    squared = (answers - layer(tokens)) ** 2
    error = squared.std() / np.sqrt(len(squared))
    print(f"n = {n_shots:2}: exact {exact[k]:.4f}, layer {squared.mean():.4f} +- {error:.4f}")
    assert abs(squared.mean() - exact[k]) < 6 * error
    assert abs(simulated.mean[k] - exact[k]) < 6 * simulated.standard_error[k]

# %% [markdown]
# A wrong convention does not pass this either: in the other normalization the exact curve leaves the layer's.

# %%
wrong = theory.risk(model, shots, normalization="shots", **world)
assert (abs(wrong - simulated.mean) > 6 * simulated.standard_error).any()

# %% [markdown]
# How far is the trained layer from where population gradient flow would end? Shots, its risk on unseen tasks, and
# that of the theory's fixed point. A few per cent are left, by the noise at the start and that of SGD (another seed gives other ones). A layer that was
# trained too briefly shows here, and how far from the end it is.

# %%
reached = theory.risk(model, shots, setting=setting, task="unseen")
ideal = theory.risk("zero_shot_value", shots, setting=setting, task="unseen")
print(np.c_[shots, reached, ideal].round(4))
assert np.allclose(reached, ideal, rtol=0.1)
