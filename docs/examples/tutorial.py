# %% [markdown]
# # From one number to a phase diagram
#
# A linear-attention model is pretrained to do regression in context and then fine-tuned on one task. What becomes of
# its in-context learning? Every number below is exact: no training, no simulation, no fit.
#
# This page is a script, `docs/examples/tutorial.py`, and a notebook of it with its outputs, `tutorial.ipynb`; both run from
# top to bottom in some seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy

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

# %%
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.set_ylim(0, 1.7)
drawn = theory.plot(setting, ["pretrained", "zero_shot", "zero_shot_value"], ax=axes)

# %% [markdown]
# ## Which practice forgets least?
#
# `compare` sets every named way of fine-tuning side by side: what it has learnt of the target without any shot, the risks at
# 20 shots on the target and on tasks that it has not seen, and the price that these pay, now and with many shots. A dash
# stands where there is no closed form. One tuned prompt token pays least; of what trains the layer's own weights, the value
# matrix.

# %%
compared = theory.compare(setting, 20)
compared

# %%
price = {practice.strategy: practice.price for practice in compared}
assert price["soft_prompt"] < price["zero_shot_value"] < price["zero_shot"]

# %% [markdown]
# A practice of your own is a block, a loss and a time: here the value matrix, with some of the pretraining loss beside the
# zero-shot loss (replay), stopped at time 2. It is as exact as the named ones.

# %%
own = theory.Strategy("value", replay=0.3, time=2.0)
theory.risk(own, 0, setting=setting), theory.risk(own, 20, setting=setting, task="unseen")

# %% [markdown]
# ## The closed form
#
# A Symbol in gives the formula out, a Fraction the exact number. `theory.formula` gives the lines behind a strategy's risk,
# as mathematics and as a program.

# %%
n, d = sympy.symbols("n d", positive=True)
formula = theory.risk("pretrained", n, d)
assert sympy.cancel(formula - (1 + n * (d + 1)) / (n + 1) ** 2) == 0
formula

# %%
print(theory.formula("zero_shot_value", task="unseen").lines)

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
# Which strategy is best on the mean of target and unseen tasks, over shots and noise? One sweep gives all the risks. (Without
# shots several strategies tie.)

# %%
noises = np.geomspace(0.01, 10, 25)
names = [name for name in PUBLISHED if name != "zero_shot_kq"]  # its fixed point is the pretrained model
table = numerics.grid(
    names, range(1, 61), 5, task=("target", "unseen"), noise_variance=noises, pretrain_shots=20, progress=False
)
risks = {
    (name, task): table["risk"][(table["strategy"] == name) & (table["task"] == task)].reshape(len(noises), 60)
    for name in names
    for task in ("target", "unseen")
}
mean = np.array([(risks[name, "target"] + risks[name, "unseen"]) / 2 for name in names])
best = mean.argmin(axis=0)

# %%
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
picture = axes.pcolormesh(range(1, 61), noises, best, vmin=-0.5, vmax=len(names) - 0.5, cmap="viridis")
axes.set(xlabel="shots $n$", ylabel=r"noise variance $\sigma^2$", yscale="log")
bar = figure.colorbar(picture, ticks=range(len(names)))
bar.set_ticklabels(names)

# %% [markdown]
# Each of three strategies is the best somewhere: the auxiliary loss at few shots, the pretrained model or value-only
# fine-tuning at many.

# %%
assert {"mixed_value", "pretrained", "zero_shot_value"} <= {names[k] for k in np.unique(best)}
