# %% [markdown]
# # From one number to a phase diagram
#
# A linear-attention model is pretrained to do regression in context and then fine-tuned on one task. What becomes of
# its in-context learning? Every number below is exact.

# %%
import numpy as np
import sympy
from matplotlib.figure import Figure

import numerics
import theory
from theory.strategies import PUBLISHED

# %% [markdown]
# ## One number
#
# The risk is $E(y_q - \hat y_q)^2$, with a noisy label, so it never falls below the noise variance. The pretrained model
# at 10 shots, in 5 dimensions, without noise:

# %%
theory.risk("pretrained", n_shots=10, d=5)

# %% [markdown]
# The setting of the official experiments, kept in one object. A shot count may be an array, and so may any other number.

# %%
setting = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
shots = np.arange(41)
pretrained = theory.risk("pretrained", shots, setting=setting)
zero_shot = theory.risk("zero_shot", shots, setting=setting)
value_only = theory.risk("zero_shot_value", shots, setting=setting)

# %% [markdown]
# Fine-tuning every parameter on the zero-shot loss solves the target task at no shots, and any number of shots is worse
# than none: in-context learning is gone. Training the value matrix alone keeps it.

# %%
assert abs(zero_shot[0] - 0.1) < 1e-12
assert (zero_shot[1:] > zero_shot[0]).all()
assert value_only[40] < value_only[0] < pretrained[0]

# %% [markdown]
# ## The closed form
#
# A Symbol in gives the formula out, a Fraction the exact number.

# %%
n, d = sympy.symbols("n d", positive=True)
formula = theory.risk("pretrained", n, d)
assert sympy.cancel(formula - (1 + n * (d + 1)) / (n + 1) ** 2) == 0
formula

# %% [markdown]
# ## Where does fine-tuning help?
#
# `conditions` answers with exact ranges of n. Value-only fine-tuning on the zero-shot loss beats the pretrained model on
# its own target at very few shots and at many, and not between.

# %%
for condition in theory.conditions("zero_shot_value", setting=setting):
    print(condition)

on_target = theory.conditions("zero_shot_value", setting=setting, task="target")[1]
assert on_target.shots == ((0, 1), (22, np.inf))

# %% [markdown]
# ## A phase diagram
#
# Which strategy is best on the mean of target and unseen tasks, over shots and noise? One sweep gives all the risks.

# %%
noises = np.geomspace(0.01, 10, 25)
names = [name for name in PUBLISHED if name != "zero_shot_kq"]  # its fixed point is the pretrained model
table = numerics.grid(
    names, range(61), 5, task=("target", "unseen"), noise_variance=noises, pretrain_shots=20, progress=False
)
risks = {
    (name, task): table["risk"][(table["strategy"] == name) & (table["task"] == task)].reshape(len(noises), 61)
    for name in names
    for task in ("target", "unseen")
}
mean = np.array([(risks[name, "target"] + risks[name, "unseen"]) / 2 for name in names])
best = mean.argmin(axis=0)

# %%
figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
picture = axes.pcolormesh(range(61), noises, best, vmin=-0.5, vmax=len(names) - 0.5, cmap="viridis")
axes.set(xlabel="shots $n$", ylabel=r"noise variance $\sigma^2$", yscale="log")
bar = figure.colorbar(picture, ticks=range(len(names)))
bar.set_ticklabels(names)
figure

# %% [markdown]
# Each of three strategies is the best somewhere: the auxiliary loss at few shots, the pretrained model or value-only
# fine-tuning at many.

# %%
assert {"mixed_value", "pretrained", "zero_shot_value"} <= {names[k] for k in np.unique(best)}
