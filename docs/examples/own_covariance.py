# %% [markdown]
# # A covariance from your own data
#
# The theory takes any covariance of inputs $\Sigma$ and of tasks $\Psi$. Both can come from data; what it assumes
# beyond them is that inputs are Gaussian, and that can be checked.

# %%
import numpy as np

import theory

rng = np.random.default_rng(0)
mixing = rng.standard_normal((6, 6))
data = rng.standard_normal((5000, 6)) @ mixing.T  # your features, one row an example

# %% [markdown]
# Centre the features and take their covariance. With fewer examples than about ten times d, shrink it towards a
# multiple of the identity first: the pretrained model inverts it.

# %%
centred = data - data.mean(axis=0)
Sigma = centred.T @ centred / len(centred)
target = rng.standard_normal(6)
target /= np.sqrt(target @ Sigma @ target)  # unit signal power
setting = theory.Setting(covariance=Sigma, target=target, noise_variance=0.1, pretrain_shots=20)
setting

# %%
shots = np.arange(31)
for name in ("pretrained", "zero_shot", "zero_shot_value", "mixed_value"):
    print(f"{name:16}", theory.risk(name, shots, setting=setting)[[0, 5, 10, 30]].round(3))

# %% [markdown]
# ## Is the Gaussian assumption good enough?
#
# Give the fixed point prompts that are drawn from the data itself. With Gaussian data the simulated risk is the exact
# one to within its error; a difference of more is what the assumption costs.

# %%
model = theory.fixed_point("zero_shot_value", setting=setting)
n_shots, size = 5, 40_000
x = centred[rng.integers(len(centred), size=(size, n_shots + 1))]
y = x @ target + np.sqrt(0.1) * rng.standard_normal((size, n_shots + 1))
tokens = np.concatenate([np.ones((size, n_shots + 1, 1)), x, y[..., None]], axis=2)
tokens[:, -1, -1] = 0
prediction = np.einsum("pt,pt->p", tokens @ model.v, np.einsum("ptk,pk->pt", tokens, tokens[:, -1] @ model.Q))
squared = (y[:, -1] - prediction / (n_shots + 1)) ** 2
exact = theory.risk(model, n_shots, task=target, setting=setting)
print(f"exact {exact:.4f}, on the data {squared.mean():.4f} +- {squared.std() / np.sqrt(size):.4f}")
assert abs(squared.mean() - exact) < 6 * squared.std() / np.sqrt(size)

# %% [markdown]
# Where the target lies matters: along a direction of small variance the same model needs more shots.

# %%
values, vectors = np.linalg.eigh(Sigma)
for name, k in (("largest", -1), ("smallest", 0)):
    along = vectors[:, k] / np.sqrt(values[k])
    here = setting.replace(target=along)
    print(f"{name:9}", theory.risk("pretrained", [0, 10, 40], task=along, setting=here).round(3))
