# %% [markdown]
# # A training strategy of your own
#
# A strategy is a point in parameter space, and the risk formula is exact at any point. So a strategy that the library
# does not know needs only its fixed point. Here: train the value matrix on the few-shot loss *alone*.

# %%
import numpy as np

import numerics
import theory

setting = theory.Setting(d=5, noise_variance=0.1, pretrain_shots=20)
start = theory.fixed_point("pretrained", setting=setting)

# %% [markdown]
# ## Its fixed point
#
# At fixed Q every loss is a quadratic in v, so one Newton step from the pretrained point, with the exact gradient and
# Hessian, is the minimum. (Where the Hessian has flat directions the least-squares step leaves them alone, as gradient
# flow does.)

# %%
loss = (numerics.Term(1.0, 20, setting.target_vector()),)
slope = numerics.gradient(start, setting, loss)
curvature = numerics.hessian(start, setting, loss, "value")
step = np.linalg.lstsq(curvature, slope.v, rcond=1e-12)[0]
model = theory.AttentionParameters(start.v - step, start.Q)
assert np.abs(numerics.gradient(model, setting, loss).v).max() < 1e-12

# %% [markdown]
# ## Is it right?
#
# The library's `mixed_value` at a weight that tends to infinity has the same limit. And it is a minimum: no other v of
# a thousand has a smaller loss.

# %%
shots = np.arange(41)
mine = theory.risk(model, shots, task=setting.target_vector(), setting=setting)
limit = theory.risk("mixed_value", shots, setting=setting.replace(few_shot_weight=1e12))
assert np.allclose(mine, limit, rtol=1e-8)

rng = np.random.default_rng(0)
for _ in range(1000):
    other = theory.AttentionParameters(model.v + 0.1 * rng.standard_normal(7), model.Q)
    assert theory.risk(other, 20, task=setting.target_vector(), setting=setting) > mine[20]

# %% [markdown]
# ## What it is worth
#
# On the target it is the best of the value-only strategies at the m shots it was trained for; unseen tasks pay.

# %%
for task in ("target", "unseen"):
    row = [theory.risk(name, 20, setting=setting, task=task) for name in ("zero_shot_value", "mixed_value")]
    print(task, np.round([*row, theory.risk(model, 20, task=task, setting=setting)], 4))

for condition in theory.conditions(model, setting=setting, task="unseen"):
    print(condition)
