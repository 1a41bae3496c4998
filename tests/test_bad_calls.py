"""Bad calls: each is refused by a message that names the argument, the value and what is allowed."""

from __future__ import annotations

import decimal
import math
import re
from fractions import Fraction as F

import numpy as np
import pytest
import sympy

import numerics
import theory

NAN, INF = math.nan, math.inf
V, Q = [0.0, 1.0, 1.0], np.eye(3).tolist()
SIGMA = [[2.0, 0.5], [0.5, 1.0]]


def risk(strategy="zs_v", n_shots=3, d=5, **others):
    return lambda: theory.risk(strategy, n_shots, d, **others)


def with_covariance(**others):
    return lambda: theory.risk("zs_v", 3, **{"covariance": SIGMA, **others})


def model(v=V, Q=Q):
    return lambda: theory.AttentionParameters(v, Q)


def layer(v=V, Q=Q, **others):
    return lambda: theory.AttentionParameters(v, Q, **others)


def two_heads(**where):
    model = theory.AttentionParameters([V, V], [Q, Q], prompt=[[1.0, 2.0, 3.0]], skip=[0.0, 1.0])
    return lambda: theory.risk(model, **{"n_shots": 3, **where})


def fixed_point(*arguments, **others):
    return lambda: theory.fixed_point(*arguments, **others)


def setting(**others):
    return lambda: theory.Setting(8, **others)


def predict(tokens, **others):
    return lambda: theory.AttentionParameters([0.0, 1.0, 1.0], np.eye(3)).predict(tokens, **others)


S = theory.Setting(5, noise_variance=0.1, pretrain_shots=20)
PADDING = ["(1, x, y)", "at the front", "np.pad(v, (1, 0)), np.pad(Q, ((1, 0), (1, 0)))"]
COUNT, SHOTS = "whole number from 0", "whole number from 1"
REAL = "real number from 0 to 1e+50"
POSITIVE_DEFINITE = "symmetric positive definite"

# call, kind of error, and what the message must say: the argument, the value, what is allowed.
BAD_CALLS = {
    # names
    "unknown strategy": (risk("magic"), ValueError, ["model", "'magic'", "pretrained", "mixed_kq"]),
    "misspelt strategy": (risk("zero_shot_valu"), ValueError, ["model", "did you mean 'zero_shot_value'"]),
    "strategy in capitals": (risk("ZS_V"), ValueError, ["model", "'ZS_V'", "zs_v"]),
    "strategy None": (risk(None), TypeError, ["strategy", "None", "AttentionParameters", "zs_v"]),
    "strategy a number": (risk(3), TypeError, ["strategy", "3 (int)", "zs_v"]),
    "strategy a list": (risk(["zs_v"]), TypeError, ["strategy", "list", "zs_v"]),
    "misspelt task": (risk(task="oposite"), ValueError, ["task", "'oposite'", "did you mean 'opposite'", "cosine", "vector"]),
    "unknown task": (risk(task="everything"), ValueError, ["task", "'everything'", "unseen"]),
    "task None": (risk(task=None), TypeError, ["task", "None", "from -1 to 1"]),
    "misspelt scale": (risk(value_scale="ballanced"), ValueError, ["value_scale", "did you mean 'balanced'", "positive"]),
    "scale zero": (risk(value_scale=0), ValueError, ["value_scale", "0", "from 1e-50"]),
    "scale negative": (risk(value_scale=-1.0), ValueError, ["value_scale", "-1.0", "from 1e-50"]),
    "scale None": (risk(value_scale=None), TypeError, ["value_scale", "None", "real number"]),
    "misspelt normalization": (risk(normalization="token"), ValueError, ["normalization", "did you mean 'tokens'", "'shots'"]),
    "normalization None": (risk(normalization=None), TypeError, ["normalization", "None", "'tokens', 'shots'"]),
    "normalization an array": (risk(normalization=np.array(["tokens"])), TypeError, ["normalization", "'tokens', 'shots'"]),
    "misspelt keyword": (risk(noise_varience=0.1), TypeError, ["noise_varience", "did you mean 'noise_variance'"]),
    "unknown keyword": (fixed_point("zs", 5, seed=3), TypeError, ["seed", "allowed", "pretrain_shots"]),
    "unknown keyword of replace": (lambda: theory.Setting(3).replace(shots=3), TypeError, ["shots", "pretrain_shots"]),
    "noise as short as it gets": (risk(noise=0.1), TypeError, ["risk()", "'noise'", "did you mean 'noise_variance'"]),
    "a setting's noise likewise": (setting(noise=0.1), TypeError, ["Setting()", "'noise'", "did you mean 'noise_variance'"]),
    "a setting's misspelt noise": (setting(noise_varience=0.1), TypeError, ["'noise_varience'", "did you mean 'noise_variance'"]),
    "noise as a standard deviation": (setting(noise_std=0.1), TypeError, ["'noise_std'", "did you mean 'noise_variance'"]),
    "noise as a symbol": (setting(sigma2=0.1), TypeError, ["'sigma2'", "did you mean 'noise_variance'", "allowed: d, covariance"]),
    "pretraining's shots as a symbol": (risk(m=20), TypeError, ["'m'", "did you mean 'pretrain_shots'"]),
    "shots as a symbol": (lambda: theory.risk("zs", n=3, n_shots=3, d=5), TypeError, ["'n'", "did you mean 'n_shots'"]),
    "shots as a symbol alone": (lambda: theory.risk("zs", n=10, d=5), TypeError, ["'n'", "did you mean 'n_shots'"]),
    "no shots": (lambda: theory.risk("zs", d=5), TypeError, ["risk() needs n_shots", "theory.risk('zero_shot_value', 10, d=5)"]),
    "the noise's deviation": (risk(sigma=0.3), TypeError, ["'sigma'", "'noise_variance', the square of sigma"]),
    "an unknown model": (risk("zss"), ValueError, ["model = 'zss' is unknown", "did you mean 'zs'"]),
    "shots for short": (risk(shots=3), TypeError, ["'shots'", "did you mean 'n_shots'"]),
    "a setting's shots for short": (setting(shots=3), TypeError, ["'shots'", "did you mean 'pretrain_shots'"]),
    "a covariance for short": (risk(cov=SIGMA), TypeError, ["'cov'", "did you mean 'covariance'"]),
    "a covariance as a symbol": (setting(Sigma=SIGMA), TypeError, ["'Sigma'", "did you mean 'covariance'"]),
    "a weight as a symbol": (setting(lam=1), TypeError, ["'lam'", "did you mean 'few_shot_weight'"]),
    "a target as a symbol": (setting(theta0=1), TypeError, ["'theta0'", "did you mean 'target'"]),
    "a dimension for short": (risk(dim=3), TypeError, ["'dim'", "did you mean 'd'"]),
    "a task in a setting": (setting(task="unseen"), TypeError, ["'task'", "('task' is an argument of theory.risk)"]),
    "shots in a fixed point": (fixed_point("zs", 5, n_shots=3), TypeError, ["'n_shots'", "('n_shots' is an argument of theory.risk)"]),
    "shots as a symbol in a setting": (setting(n=3), TypeError, ["'n'", "('n_shots' is an argument of theory.risk)"]),
    # a Setting in another argument's place
    "a setting for d": (risk(d=S), TypeError, ["d = Setting(d=5", SHOTS, "by name, setting=..."]),
    "a setting for d, without a model's d": (lambda: theory.conditions("zs_v", S), TypeError, ["d = Setting(d=5", "setting=..."]),
    "a setting for a fixed point's d": (fixed_point("zs_v", S), TypeError, ["d = Setting(d=5", "setting=..."]),
    "a setting for n_shots": (lambda: theory.risk("zs_v", S), TypeError, ["n_shots = Setting(d=5", COUNT, "setting=..."]),
    "a setting for the noise": (risk(noise_variance=S), TypeError, ["noise_variance = Setting(d=5", REAL, "setting=..."]),
    "a setting for the scale": (risk(value_scale=S), TypeError, ["value_scale = Setting(d=5", "setting=..."]),
    "a setting for the covariance": (risk(covariance=S), TypeError, ["covariance = Setting(d=5", "setting=..."]),
    "a setting for the task": (risk(task=S), TypeError, ["task = Setting(d=5", "setting=..."]),
    "a setting for a setting's d": (lambda: theory.Setting(S), TypeError, ["d = Setting(d=5", SHOTS]),
    # a model that is none, before anything else
    "a pair for a model, without d": (lambda: theory.risk((V, Q), 8), TypeError, ["strategy", "(tuple)", "AttentionParameters(v, Q)"]),
    "a pair for a model in conditions": (lambda: theory.conditions((V, Q)), TypeError, ["strategy", "(tuple)", "AttentionParameters(v, Q)"]),
    "an unknown strategy without d": (lambda: theory.risk("zs_w", 8), ValueError, ["model", "'zs_w'", "did you mean 'zs_v'"]),
    "an unknown strategy without d, certified": (lambda: theory.risk("zs_w", 8, certify=True), ValueError, ["model", "'zs_w'"]),
    "an unknown strategy's fixed point": (fixed_point("zs_w"), ValueError, ["strategy", "'zs_w'"]),
    "a model for a fixed point": (lambda: theory.fixed_point(theory.AttentionParameters(V, Q)), TypeError, ["strategy", "a strategy's name or a Strategy"]),
    # numbers
    "noise negative": (risk(noise_variance=-0.1), ValueError, ["noise_variance", "-0.1", REAL]),
    "noise NaN": (risk(noise_variance=NAN), ValueError, ["noise_variance", "nan", REAL]),
    "noise infinite": (risk(noise_variance=INF), ValueError, ["noise_variance", "inf", REAL]),
    "noise huge": (risk(noise_variance=1e300), ValueError, ["noise_variance", "1e+300", REAL]),
    "noise huge int": (risk(noise_variance=10**400), ValueError, ["noise_variance", "1000", REAL]),
    "noise huge int in a list": (risk(noise_variance=[10**400]), ValueError, ["noise_variance", "1000", REAL]),
    "noise a string": (risk(noise_variance="0.1"), TypeError, ["noise_variance", "'0.1'", REAL, "str"]),
    "noise None": (risk(noise_variance=None), TypeError, ["noise_variance", "None", REAL]),
    "noise Decimal": (risk(noise_variance=decimal.Decimal("0.1")), TypeError, ["noise_variance", "0.1", REAL, "Decimal"]),
    "noise complex": (risk(noise_variance=0.1 + 0j), TypeError, ["noise_variance", "0.1+0j", REAL, "complex"]),
    "noise complex array": (risk(noise_variance=np.array([1j])), TypeError, ["noise_variance", "0.+1.j", REAL]),
    "noise boolean": (risk(noise_variance=True), TypeError, ["noise_variance", "True", REAL, "bool"]),
    "noise a boolean array": (risk(noise_variance=np.array([True])), TypeError, ["noise_variance", "True", REAL]),
    "noise with a NaN inside": (risk(noise_variance=[0.1, NAN]), ValueError, ["noise_variance", "nan", REAL]),
    "noise ragged": (risk(noise_variance=[[0.1], [0.1, 0.2]]), TypeError, ["noise_variance", "0.2", REAL]),
    "noise masked": (risk(noise_variance=np.ma.array([0.1], mask=[True])), TypeError, ["noise_variance", "mask"]),
    "noise a dict": (risk(noise_variance={}), TypeError, ["noise_variance", "{}", REAL]),
    "noise negative Fraction": (risk(noise_variance=F(-1, 3)), ValueError, ["noise_variance", "Fraction(-1, 3)", REAL]),
    "noise negative sympy": (risk(noise_variance=sympy.Rational(-1, 3)), ValueError, ["noise_variance", "-1/3", REAL]),
    "noise imaginary sympy": (risk(noise_variance=sympy.I), ValueError, ["noise_variance", "I", REAL]),
    "noise sympy NaN": (risk(noise_variance=sympy.nan), ValueError, ["noise_variance", "nan", REAL]),
    "weight negative": (risk("both_v", few_shot_weight=-1), ValueError, ["few_shot_weight", "-1", REAL]),
    "weight NaN": (risk("both_v", few_shot_weight=NAN), ValueError, ["few_shot_weight", "nan", REAL]),
    # counts
    "shots negative": (risk(n_shots=-1), ValueError, ["n_shots", "-1", COUNT]),
    "shots fractional": (risk(n_shots=2.5), ValueError, ["n_shots", "2.5", COUNT]),
    "shots a proper Fraction": (risk(n_shots=F(5, 2)), ValueError, ["n_shots", "Fraction(5, 2)", COUNT]),
    "shots boolean": (risk(n_shots=True), TypeError, ["n_shots", "True", COUNT, "bool"]),
    "shots a string": (risk(n_shots="3"), TypeError, ["n_shots", "'3'", COUNT, "str"]),
    "shots None": (risk(n_shots=None), TypeError, ["n_shots", "None", COUNT]),
    "shots NaN": (risk(n_shots=NAN), ValueError, ["n_shots", "nan", COUNT]),
    "shots infinite where N does not grow": (risk(n_shots=INF, normalization=7, pretrain_shots=3), ValueError, ["n_shots", "inf", "finite", "normalization"]),
    "shots huge": (risk(n_shots=10**30), ValueError, ["n_shots", "10000", COUNT, "2**53"]),
    "shots fractional inside": (risk(n_shots=[1, 2.5]), ValueError, ["n_shots", "2.5", COUNT]),
    "shots negative inside": (risk(n_shots=range(-2, 3)), ValueError, ["n_shots", "-2", COUNT]),
    "shots of texts": (risk(n_shots=["1"]), TypeError, ["n_shots", "'1'", COUNT]),
    "shots a fractional sympy number": (risk(n_shots=sympy.Rational(1, 2)), ValueError, ["n_shots", "1/2", COUNT]),
    "d zero": (risk(d=0), ValueError, ["d = 0", SHOTS]),
    "d negative": (risk(d=-3), ValueError, ["d = -3", SHOTS]),
    "d fractional": (risk(d=2.5), ValueError, ["d = 2.5", SHOTS]),
    "d boolean": (risk(d=True), TypeError, ["d = True", SHOTS]),
    "d a string": (risk(d="5"), TypeError, ["d = '5'", SHOTS]),
    "d infinite": (risk(d=INF), ValueError, ["d = inf", SHOTS]),
    "d missing": (risk(d=None), ValueError, ["d = None", "covariance", "target"]),
    "d against the covariance": (with_covariance(d=3), ValueError, ["covariance", "dimension is 2", "d says 3"]),
    "d against the target": (risk(target=[1.0, 2.0]), ValueError, ["target", "dimension is 2", "d says 5"]),
    "covariance against the target": (with_covariance(target=[1.0] * 3), ValueError, ["target", "3", "covariance says 2"]),
    "pretraining without shots": (risk(pretrain_shots=0), ValueError, ["pretrain_shots", "0", SHOTS, "math.inf"]),
    "pretraining shots fractional": (risk(pretrain_shots=1.5), ValueError, ["pretrain_shots", "1.5", SHOTS]),
    "pretraining shots minus infinity": (risk(pretrain_shots=-INF), ValueError, ["pretrain_shots", "-inf", SHOTS]),
    "pretraining shots None": (risk(pretrain_shots=None), TypeError, ["pretrain_shots", "None", SHOTS]),
    "few-shot shots zero": (risk("both", few_shot_shots=0), ValueError, ["few_shot_shots", "0", SHOTS]),
    "few-shot shots infinite": (risk("both", few_shot_shots=INF), ValueError, ["few_shot_shots", "inf", SHOTS]),
    # arrays
    "covariance not square": (risk(d=None, covariance=[[1.0, 0.0]]), ValueError, ["covariance", "shape (d, d)", "(1, 2)"]),
    "covariance a number": (risk(d=None, covariance=2.0), ValueError, ["covariance", "2.0", "shape (d, d)"]),
    "covariance empty": (risk(d=None, covariance=[]), ValueError, ["covariance", "[]", "shape (d, d)"]),
    "covariance asymmetric": (risk(d=None, covariance=[[1.0, 0.2], [0.1, 1.0]]), ValueError, ["covariance", "0.2", "not symmetric"]),
    "covariance indefinite": (risk(d=None, covariance=[[1.0, 2.0], [2.0, 1.0]]), ValueError, ["covariance", "2.0", "not positive definite"]),
    "covariance singular": (risk(d=None, covariance=[[1.0, 1.0], [1.0, 1.0]]), ValueError, ["covariance", "not positive definite"]),
    "covariance exactly singular": (risk(d=None, covariance=[[F(1), F(1)], [F(1), F(1)]]), ValueError, ["covariance", "not positive definite"]),
    "covariance exactly asymmetric": (risk(d=None, covariance=[[F(1), F(1, 2)], [F(1, 3), F(1)]]), ValueError, ["covariance", "not symmetric"]),
    "covariance NaN": (risk(d=None, covariance=[[NAN]]), ValueError, ["covariance", "nan", "finite"]),
    "covariance infinite": (risk(d=None, covariance=[[INF]]), ValueError, ["covariance", "inf", "finite"]),
    "covariance complex": (risk(d=None, covariance=[[1j]]), TypeError, ["covariance", "1j", "complex"]),
    "covariance ragged": (risk(d=None, covariance=[[1.0], [1.0, 2.0]]), TypeError, ["covariance", "2.0", "rows of one length"]),
    "covariance of texts": (risk(d=None, covariance=[["1"]]), TypeError, ["covariance", "'1'"]),
    "covariance zero": (risk(d=None, covariance=np.zeros((2, 2))), ValueError, ["covariance", "0.", POSITIVE_DEFINITE]),
    "task covariance indefinite": (risk(d=None, task_covariance=[[-1.0]]), ValueError, ["task_covariance", "-1.0", "symmetric positive semidefinite"]),
    "target zero": (risk(d=None, target=[0.0, 0.0]), ValueError, ["target", "[0.0, 0.0]", "non-zero"]),
    "target a matrix": (risk(d=None, target=[[[1.0]]]), ValueError, ["target", "[[[1.0]]]", "shape (d,)"]),
    "target a number": (risk(d=None, target=1.0), ValueError, ["target", "1.0", "shape (d,)"]),
    "target NaN": (risk(d=None, target=[NAN]), ValueError, ["target", "nan", "finite"]),
    "target None inside": (risk(d=None, target=[None, 1.0]), TypeError, ["target", "None", "real number"]),
    "target infinite beside a symbol": (risk(d=None, target=[sympy.oo, sympy.Symbol("t")]), ValueError, ["target", "oo", "at most 1e+50"]),
    "v infinite beside a symbol": (model(v=[0.0, INF, sympy.Symbol("w")]), ValueError, ["v =", "inf", "at most 1e+50"]),
    "task zero": (risk(task=[0.0] * 5), ValueError, ["task", "[0.0, 0.0", "non-zero"]),
    "task of another dimension": (risk(task=[1.0, 2.0]), ValueError, ["task", "[1.0, 2.0]", "shape (5,)"]),
    "task NaN": (risk(task=[NAN] * 5), ValueError, ["task", "nan", "finite"]),
    "task beyond the sphere": (risk(task=1.5), ValueError, ["task", "1.5", "from -1 to 1"]),
    "task a NaN cosine": (risk(task=NAN), ValueError, ["task", "nan", "from -1 to 1"]),
    "task a cosine beside a covariance": (with_covariance(task=0.5), ValueError, ["task", "0.5", "'unseen' or a vector"]),
    "task a cosine in one dimension": (risk(d=1, task=0.5), ValueError, ["task", "0.5", "d = 1"]),
    "task a vector for many d": (risk(d=[2, 3], task=[1.0, 2.0]), ValueError, ["task", "[1.0, 2.0]", "d is not one number"]),
    "arrays that do not broadcast": (risk(n_shots=[1, 2, 3], noise_variance=[0.1, 0.2]), ValueError, ["n_shots", "noise_variance", "(3,)", "(2,)"]),
    "arrays that do not broadcast, dense": (lambda: theory.risk("zs_v", [1, 2, 3], covariance=SIGMA, noise_variance=[0.1, 0.2]), ValueError, ["n_shots", "noise_variance", "(3,)", "(2,)"]),
    "a keyword with a tail": (risk(n_shots_=None), TypeError, ["n_shots_", "did you mean 'n_shots'"]),
    # models
    "v too short": (model(v=[0.0, 1.0], Q=np.eye(2)), ValueError, ["v =", "shape (d + 2,)"]),
    "v NaN": (model(v=[0.0, NAN, 1.0]), ValueError, ["v =", "nan", "finite"]),
    "v infinite": (model(v=[0.0, INF, 1.0]), ValueError, ["v =", "inf", "finite"]),
    "v complex": (model(v=[0.0, 1j, 1.0]), TypeError, ["v =", "1j", "complex"]),
    "v None": (model(v=None), (TypeError, ValueError), ["v", "None", "vector"]),
    "Q of another size": (model(Q=np.eye(4)), ValueError, ["Q =", "shape (3, 3)", "(4, 4)"]),
    "Q a vector": (model(Q=[1.0, 2.0, 3.0]), ValueError, ["Q =", "shape (3, 3)"]),
    "Q NaN": (model(Q=np.full((3, 3), NAN)), ValueError, ["Q =", "nan", "finite"]),
    "Q of texts": (model(Q=[["a"] * 3] * 3), TypeError, ["Q", "'a'"]),
    "d against the model": (lambda: theory.risk(theory.AttentionParameters(V, Q), 3, 5), ValueError, ["d = 5", "d = 1", "agree"]),
    # layers of several heads, with a prompt, with a skip
    "heads of v alone": (layer(v=[V, V]), ValueError, ["Q =", "shape (2, 3, 3)", "beside v of shape (2, 3)", "(3, 3)"]),
    "heads of Q alone": (layer(Q=[Q, Q]), ValueError, ["Q =", "shape (3, 3)", "(2, 3, 3)"]),
    "two heads beside three": (layer(v=[V, V], Q=[Q, Q, Q]), ValueError, ["Q =", "shape (2, 3, 3)", "(3, 3, 3)"]),
    "no heads": (layer(v=np.zeros((0, 3)), Q=np.zeros((0, 3, 3))), ValueError, ["v =", "(H, d + 2)", "(0, 3)"]),
    "heads of two widths": (layer(v=[V, [0.0, 1.0]]), TypeError, ["v =", "rows of one length"]),
    "heads in a list of heads": (layer(v=[[V]], Q=[[Q]]), ValueError, ["v =", "(H, d + 2)", "(1, 1, 3)"]),
    "a head's Q not square": (layer(v=[V, V], Q=np.ones((2, 3, 4))), ValueError, ["Q =", "shape (2, 3, 3)", "(2, 3, 4)"]),
    "a head with a NaN": (layer(v=[V, [0.0, NAN, 1.0]], Q=[Q, Q]), ValueError, ["v =", "nan"]),
    "a prompt token alone": (layer(prompt=[1.0, 2.0, 3.0]), ValueError, ["prompt =", "shape (k, 3)", "(3,)"]),
    "a prompt of another width": (layer(prompt=[[1.0, 2.0]]), ValueError, ["prompt =", "shape (k, 3)", "(1, 2)"]),
    "a prompt of a model of two": (layer(prompt=np.ones((2, 4))), ValueError, ["prompt =", "shape (k, 3)", "(2, 4)"]),
    "a prompt without tokens": (layer(prompt=np.zeros((0, 3))), ValueError, ["prompt =", "k >= 1", "(0, 3)"]),
    "a prompt with an infinity": (layer(prompt=[[INF, 0.0, 0.0]]), ValueError, ["prompt =", "inf"]),
    "a prompt of texts": (layer(prompt=[["a", "b", "c"]]), TypeError, ["prompt", "'a'"]),
    "ragged prompts": (layer(prompt=[[1.0, 2.0, 3.0], [1.0]]), TypeError, ["prompt =", "rows of one length"]),
    "a skip with a label": (layer(skip=[0.0, 1.0, 1.0]), ValueError, ["skip =", "shape (2,)", "(3,)"]),
    "a skip without the constant": (layer(skip=[1.0]), ValueError, ["skip =", "shape (2,)", "(1,)"]),
    "a skip that is a number": (layer(skip=1.0), ValueError, ["skip =", "shape (2,)"]),
    "a skip with a NaN": (layer(skip=[NAN, 1.0]), ValueError, ["skip =", "nan"]),
    "a complex skip": (layer(skip=[1j, 1.0]), TypeError, ["skip", "1j"]),
    "a mask for a query": (two_heads(query="mask"), ValueError, ["query", "'mask'", "did you mean 'masked'"]),
    "a query that is told yes": (two_heads(query=True), TypeError, ["query", "True", "'attends', 'masked'"]),
    "a mask": (two_heads(mask="masked"), TypeError, ["'mask'", "did you mean 'query'"]),
    "divided by nothing": (two_heads(normalization=0), ValueError, ["normalization", "0", "from 1e-50"]),
    "a limit without a growing N": (two_heads(n_shots=INF, normalization=3), ValueError, ["n_shots", "inf", "normalization is a number"]),
    "two heads in another dimension": (two_heads(d=2), ValueError, ["d = 2", "model of d = 1"]),
    "queries of another dimension": (two_heads(query_covariance=np.eye(2)), ValueError, ["query_covariance", "dimension is 2", "d says 1"]),
    "a query's covariance indefinite": (two_heads(query_covariance=[[-1.0]]), ValueError, ["query_covariance", "semidefinite"]),
    "pretraining without end at one N": (risk("pretrained", normalization=3), ValueError, ["pretrain_shots", "inf", "normalization is a number"]),
    "some pretraining without end at one N": (risk("pretrained", normalization=3, pretrain_shots=np.array([9, INF])), ValueError, ["pretrain_shots", "inf", "normalization is a number"]),
    # prompts
    "prompts without the constant": (predict([[2.0, 6.0], [0.5, 0.0]]), ValueError, ["tokens", "2.0", "(prompts, n + 1, 3)", "(2, 2)", *PADDING]),
    "prompts with the constant last": (predict([[2.0, 6.0, 1.0], [0.5, 0.0, 1.0]]), ValueError, ["tokens", "2.0", "first entry of each is 1", *PADDING]),
    "a query with its label": (predict([[1.0, 2.0, 6.0], [1.0, 0.5, 3.0]]), ValueError, ["tokens", "last entry of the last token is 0", *PADDING]),
    "a second query with its label": (predict([[[1.0, 0.5, 0.0]], [[1.0, 0.5, 3.0]]]), ValueError, ["tokens", "last entry of the last token is 0"]),
    "a lone token": (predict([1.0, 0.5, 0.0]), ValueError, ["tokens", "(n + 1, 3)", "not of shape (3,)"]),
    "no token": (predict(np.ones((4, 0, 3))), ValueError, ["tokens", "not of shape (4, 0, 3)"]),
    "prompts with a NaN": (predict([[1.0, NAN, 0.0]]), ValueError, ["tokens", "nan"]),
    "prompts of texts": (predict([["1", "2", "3"]]), TypeError, ["tokens", "'1'"]),
    "prompts in another normalization": (predict([[1.0, 0.5, 0.0]], normalization="token"), ValueError, ["normalization", "did you mean 'tokens'"]),
    # no closed form
    "mixed with nothing said of its shots": (risk("both"), ValueError, ["few_shot_shots", "None", "a finite pretrain_shots", "or few_shot_shots", "whole number >= 1"]),
    "mixed_kq with nothing said of its shots": (fixed_point("both_kq", 5), ValueError, ["few_shot_shots", "None", "infinite"]),
    "mixed at a finite weight": (risk("both", few_shot_shots=9, few_shot_weight=0.5), theory.NoClosedForm, ["few_shot_weight", "0.5", "'mixed'", "0+", "numerics.flow"]),
    "mixed at an array of weights": (risk("both", few_shot_shots=9, few_shot_weight=[0.0, 0.5]), theory.NoClosedForm, ["few_shot_weight", "0.5", "0+"]),
    "mixed without noise": (fixed_point("both", 5, few_shot_shots=9), theory.NoClosedForm, ["noise_variance", "0", "no fixed point"]),
    "mixed without noise, exactly": (fixed_point("both", 5, few_shot_shots=9, noise_variance=F(0)), theory.NoClosedForm, ["noise_variance", "no fixed point"]),
    "a matrix point of many settings": (fixed_point("zs", covariance=SIGMA, noise_variance=[0.1, 0.2]), ValueError, ["one number, not an array", "noise_variance"]),
    "a setting that is none": (lambda: theory.risk("zs_v", 3, setting={"d": 5}), TypeError, ["setting", "{'d': 5}", "Setting"]),
    "a setting and a d that its arrays contradict": (lambda: theory.risk("zs_v", 3, 7, setting=theory.Setting(target=[1.0, 2.0])), ValueError, ["target", "7", "agree"]),
    "a setting and bad noise beside it": (lambda: theory.fixed_point("zs_v", noise_variance=-1.0, setting=theory.Setting(5)), ValueError, ["noise_variance", "-1.0"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_call(name):
    call, kind, parts = BAD_CALLS[name]
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    for part in parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert len(message) < 500


def test_there_are_many_kinds():
    assert len(BAD_CALLS) >= 40


def test_no_closed_form_is_a_value_error():
    assert issubclass(theory.NoClosedForm, ValueError)


def test_a_model_without_the_constant_is_told_how_to_pad():
    """Tokens (x, y) in three dimensions: v has four entries, and would be taken for a model of two."""
    model = theory.AttentionParameters(np.ones(4), np.eye(4))
    for given in ({"target": [0.8, -0.3, 0.5]}, {"d": 3}, {"covariance": np.eye(3)}):
        for call in (theory.risk, numerics.estimate, lambda model, n, **given: theory.conditions(model, **given)):
            with pytest.raises(ValueError, match=r"d = 3 .* model of d = 2, whose v has d \+ 2 entries.*np\.pad"):
                call(model, 3, **given)
    with pytest.raises(ValueError, match=r"Q = .* beside v of shape \(5, 5\), not of shape \(5, 5\)"):
        theory.AttentionParameters(np.eye(5), np.eye(5))


def test_noise_that_underflows_beside_a_long_target_is_refused():
    """It would be taken for no noise at all, whose risk off the target is infinite."""
    for task in ("target", "opposite"):
        with pytest.raises(ValueError, match="noise_variance = 5e-324 is not allowed"):
            theory.risk("mixed", 3, 2, pretrain_shots=20, target=[1.0, 2.0], noise_variance=5e-324, task=task)


@pytest.mark.parametrize("strategy", theory.STRATEGIES)
def test_extremes_that_are_allowed_stay_finite(strategy):
    """The largest and smallest numbers that validation lets through give numbers, not NaN, and no warning."""
    for noise in (0, 1e-300, 5e-324, 1e50):
        for m in (1, 2**53):
            for n in (0, 1, 2**53):
                for task in ("target", "opposite", "unseen", 0.5):
                    for scale in ("balanced", 1e-50, 1e50):
                        for normalization in ("tokens", "shots"):
                            found = theory.risk(
                                strategy, n, 2**53, noise_variance=noise, pretrain_shots=m, task=task, value_scale=scale,
                                normalization=normalization,
                            )  # fmt: skip
                            unbounded = strategy == "mixed" and task != "target" and noise == 0 and n > 0
                            assert found >= noise
                            assert math.isfinite(found) or unbounded, (noise, m, n, task, scale, found)


def test_messages_are_plain():
    """An error of validation has no second error behind it that a reader would have to read past."""
    with pytest.raises(ValueError, match=re.escape("noise_variance = -1 is not allowed")) as caught:
        theory.risk("zs_v", 3, 5, noise_variance=-1)
    assert caught.value.__cause__ is None


def test_an_argument_beside_a_setting_overrides_it():
    import numerics

    setting = theory.Setting(5, noise_variance=0.1, pretrain_shots=20)
    changed = setting.replace(noise_variance=0.3)
    for call in (
        lambda **given: theory.risk("zs_v", 3, **given),
        lambda **given: theory.fixed_point("zs_v", **given),
        lambda **given: str(theory.conditions("zs_v", **given)),
        lambda **given: numerics.estimate("zs_v", 3, prompts=100, rng=0, **given),
    ):
        assert call(setting=setting, noise_variance=0.3) == call(setting=changed) != call(setting=setting)
    assert theory.risk("zs_v", 3, 7, setting=setting) == theory.risk("zs_v", 3, setting=setting.replace(d=7))


def test_what_is_no_model_is_told_before_the_missing_d_in_simulations_too():
    import numerics

    with pytest.raises(TypeError, match=r"(model|strategy) = .* \(tuple\)"):
        numerics.estimate((V, Q), 8)


def test_a_name_that_resembles_nothing_gets_no_suggestion():
    for call in (risk(seed=3), setting(rng=3), setting(device="cpu"), risk(batch=3)):
        with pytest.raises(TypeError, match=r"got an unknown argument '\w+'; allowed"):
            call()
