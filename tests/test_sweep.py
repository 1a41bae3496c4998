"""numerics.grid: every row is theory.risk's, on any executor, after any interruption; at the extremes too."""

from __future__ import annotations

import json
import math
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import numerics.sweep
import theory
from numerics import PowerLaw, Spiked, Table, grid
from numerics.sweep_checkpoint import SweepCheckpoint
from theory.strategies import PUBLISHED

OFFICIAL = {"noise_variance": 0.1, "pretrain_shots": 20}


def random_covariance(d: int, seed: int = 0) -> np.ndarray[Any, Any]:
    root = np.random.default_rng(seed).standard_normal((d, d))
    return root @ root.T / d + 0.3 * np.eye(d)


# --- every row is theory.risk's ------------------------------------------------------------------------------------


def test_every_row_of_an_isotropic_sweep() -> None:
    """Each of 2304 rows equals the scalar call with the row's own columns as arguments."""
    table = grid(
        list(PUBLISHED)[:6], [0, 1, 20], [1, 5], task=["target", "opposite", "unseen", -1.0],
        noise_variance=[0.1, 1.0], pretrain_shots=[8, 20], few_shot_shots=[3, 8], normalization=["tokens", "shots"],
    )  # fmt: skip
    assert len(table) == 6 * 3 * 2 * 4 * 2 * 2 * 2 * 2
    for row in table.to_numpy():
        task = str(row["task"])
        assert row["risk"] == theory.risk(
            str(row["strategy"]), int(row["n_shots"]), int(row["d"]), task=-1.0 if task == "-1.0" else task,
            noise_variance=float(row["noise_variance"]), pretrain_shots=int(row["pretrain_shots"]),
            few_shot_shots=int(row["few_shot_shots"]), normalization=str(row["normalization"]),
        )  # fmt: skip


def test_every_row_of_a_sweep_over_covariances() -> None:
    d = 4
    covariances = {
        "isotropic": None, "PowerLaw(1.5)": np.diag(np.arange(1.0, 5.0) ** -1.5),
        "Spiked(9, 4)": np.diag([9.0, 4.0, 1.0, 1.0]),
        "full": random_covariance(d),
    }  # fmt: skip
    theta = np.array([0.5, -1.0, 2.0, 0.1])
    table = grid(
        ["pretrained", "zs", "both_v"], [0, 3, 50], d, task={"target": "target", "unseen": "unseen", "theta": theta},
        covariance={"isotropic": "isotropic", "PowerLaw(1.5)": PowerLaw(1.5), "Spiked(9, 4)": Spiked(9, 4),
                    "full": covariances["full"]},
        noise_variance=[0.1, 0.2], pretrain_shots=[5, math.inf], few_shot_shots=7, value_scale=[0.5, 2.0],
    )  # fmt: skip
    assert len(table) == 3 * 3 * 3 * 4 * 2 * 2 * 2
    for row in table.to_numpy():
        task = str(row["task"])
        (expected,) = theory.risk(
            str(row["strategy"]), [int(row["n_shots"])], d, task=theta if task == "theta" else task,
            covariance=covariances[str(row["covariance"])], noise_variance=float(row["noise_variance"]),
            pretrain_shots=row["pretrain_shots"], few_shot_shots=7, value_scale=float(row["value_scale"]),
        )  # fmt: skip
        # A family runs on lines and its matrix on matrices: the same sums in another order, a few hundred roundings.
        assert row["risk"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "covariance", [PowerLaw(1.0), Spiked(0.2, 5.0), np.array([0.5, 3.0, 2.0, 0.1, 1.0]), random_covariance(5)]
)
def test_targets_aligned_with_the_covariance(covariance: Any) -> None:
    """What an alignment promises, by the signal power s: the zero-shot risk of `zero_shot_value` knows it."""
    matrix = np.asarray(covariance if isinstance(covariance, np.ndarray) else covariance.eigenvalues(5))
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    eigenvalues = np.linalg.eigvalsh(matrix)
    powers = {
        "first": matrix[0, 0],
        "largest": eigenvalues[-1],
        "smallest": eigenvalues[0],
        "uniform": matrix.trace() / 5,
    }
    table = grid("zs_v", 0, 5, covariance=covariance, target=list(powers), noise_variance=0.1)
    np.testing.assert_allclose(
        table["risk"], [0.1 + 2 * s / 9 for s in powers.values()], rtol=1e-13
    )  # R4 at B ~ 1/Sigma


def test_eigenvalues_on_the_axis_of_covariances() -> None:
    """One vector by itself; several in a mapping, or among others: each row is the diagonal matrix's."""
    one, two = [1.0, 0.5, 2.0], np.array([3.0, 1.0, 1.0])
    rows = [theory.risk("zs_v", [3], covariance=np.diag(x), noise_variance=0.1)[0] for x in (one, two)]
    single = grid("zs_v", 3, covariance=one, noise_variance=0.1)  # d from its length
    assert single["covariance"].tolist() == ["eigenvalues 1"]
    several = grid("zs_v", 3, covariance={"a": one, "b": two}, noise_variance=0.1)
    among = grid("zs_v", 3, 3, covariance=[None, two, np.diag(one)], noise_variance=0.1)
    assert among["covariance"].tolist() == ["isotropic", "eigenvalues 2", "matrix 3"]
    # A diagonal world runs on lines and its matrix on matrices: the same sums in another order.
    for found, expected in ((single["risk"], rows[:1]), (several["risk"], rows), (among["risk"][1:], rows[::-1])):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_models_beside_strategies() -> None:
    rng = np.random.default_rng(3)
    dense = theory.AttentionParameters(rng.standard_normal(5), rng.standard_normal((5, 5)))
    six = theory.fixed_point("zero_shot_value", 3, **OFFICIAL)
    table = grid({"mine": dense, "six": six, "zs_v": "zs_v"}, [0, 4], noise_variance=[0.1, 0.3], pretrain_shots=20)
    mine = [theory.risk(dense, [n], noise_variance=s)[0] for s in (0.1, 0.3) for n in (0, 4)]
    assert table["risk"][table["strategy"] == "mine"].tolist() == mine
    at = (table["strategy"] != "mine") & (table["noise_variance"] == 0.1)
    np.testing.assert_allclose(table["risk"][at][:2], table["risk"][at][2:], rtol=1e-14)  # scalars formed, not closed
    assert len(grid([dense, dense], 1)) == 2
    assert grid([dense, dense], 1)["strategy"].tolist() == ["model 1", "model 2"]


def test_blocks_cut_anywhere_leave_the_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    axes: dict[str, Any] = {"noise_variance": [0.1, 0.5, 0.9], "pretrain_shots": [3, 9], "progress": False}
    dense = {**axes, "covariance": [PowerLaw(1.0), Spiked(4.0)]}
    whole = [grid("mixed_value", range(7), [2, 3, 5], **kind)["risk"] for kind in (axes, dense)]
    for points, products in ((1, 1), (5, 60), (20, 200)):
        monkeypatch.setattr("numerics.sweep_blocks.POINTS", points)
        monkeypatch.setattr("numerics.sweep_blocks.PRODUCTS", products)
        cut = [grid("mixed_value", range(7), [2, 3, 5], **kind)["risk"] for kind in (axes, dense)]
        np.testing.assert_array_equal(cut[0], whole[0])
        np.testing.assert_array_equal(cut[1], whole[1])


# --- executors -----------------------------------------------------------------------------------------------------


def sweep_of_200_tasks(executor: Executor | None = None, **options: Any) -> Table:
    tasks = dict(enumerate(np.random.default_rng(1).standard_normal((200, 8))))
    return grid(
        ["zero_shot_value", "mixed"], range(5), task=tasks, covariance=random_covariance(8), target="largest",
        executor=executor, **OFFICIAL, **options,
    )  # fmt: skip


@cache
def sweep_here() -> Table:
    """The same, computed once: what every other way must give, bit for bit."""
    return sweep_of_200_tasks()


@contextmanager
def dask_client(processes: bool) -> Iterator[Executor]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=None) as cluster,
        Client(cluster) as client,
        client.get_executor(pure=False) as executor,
    ):
        yield executor


@pytest.mark.parametrize("pool", ["threads", "processes", "dask in threads", "dask in processes"])
def test_200_tasks_on_an_executor_give_the_same_bits(pool: str, tmp_path: Path) -> None:
    executors: dict[str, Any] = {
        "threads": lambda: ThreadPoolExecutor(3),
        # Not forked: a fork beside other threads warns from Python 3.12 on, and warnings are errors here.
        "processes": lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")),
        "dask in threads": lambda: dask_client(processes=False),
        "dask in processes": lambda: dask_client(processes=True),
    }
    here = sweep_here()
    with executors[pool]() as executor:
        there = sweep_of_200_tasks(executor)
    assert len(here) == 2000
    assert here.to_numpy().tobytes() == there.to_numpy().tobytes()
    here.to_csv(tmp_path / "here.csv")
    there.to_csv(tmp_path / "there.csv")
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()


class Dying(Executor):
    """Runs at once, and is killed after some blocks."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.left:
            future.set_result(function(*arguments, **keywords))
        else:
            future.set_exception(KeyboardInterrupt())
        self.left -= self.left > 0
        return future


class Losing(Executor):
    """Drops what it is given, as a cluster does that loses its connection."""

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_a_block_that_the_executor_loses_is_an_error() -> None:
    with pytest.raises(CancelledError, match="lost a block"):
        grid("pretrained", 1, 2, executor=Losing())


def test_a_killed_sweep_keeps_its_finished_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sweep.jsonl"
    with pytest.raises(KeyboardInterrupt):
        sweep_of_200_tasks(Dying(150), checkpoint=path)
    lines = path.read_bytes().split(b"\n")
    kept = len(lines) - 2
    assert kept == 150  # whatever the order in which finished and dead futures come
    path.write_bytes(path.read_bytes() + lines[-2][:-3])  # torn while being written
    evaluated = []
    original = numerics.sweep.evaluate

    def evaluate(block: Any) -> Any:
        evaluated.append(block)
        return original(block)

    monkeypatch.setattr(numerics.sweep, "evaluate", evaluate)
    resumed = sweep_of_200_tasks(checkpoint=path)
    assert len(evaluated) == 400 - kept
    again = sweep_of_200_tasks(checkpoint=path)
    assert len(evaluated) == 400 - kept  # all of it was there
    assert resumed.to_numpy().tobytes() == again.to_numpy().tobytes() == sweep_here().to_numpy().tobytes()


def test_a_killed_process_keeps_its_finished_part(tmp_path: Path) -> None:
    """Really killed, without a chance to tidy up."""
    path = tmp_path / "sweep.jsonl"
    code = f"""
import os
import numerics.sweep as sweep
original, done = sweep.evaluate, []
def evaluate(block):
    if len(done) == 3:
        os._exit(9)
    done.append(block)
    return original(block)
sweep.evaluate = evaluate
sweep.grid(["pretrained", "zs", "zs_v", "both_v", "both_kq"], range(9), 5, pretrain_shots=20, checkpoint={str(path)!r})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert len(path.read_bytes().split(b"\n")) == 1 + 3 + 1
    names = ["pretrained", "zs", "zs_v", "both_v", "both_kq"]
    resumed = grid(names, range(9), 5, pretrain_shots=20, checkpoint=path)
    assert resumed.to_numpy().tobytes() == grid(names, range(9), 5, pretrain_shots=20).to_numpy().tobytes()


LAYERS = {
    "two heads": theory.AttentionParameters(np.ones((2, 4)), np.arange(32.0).reshape(2, 4, 4) / 30),
    "a prompt": theory.AttentionParameters(np.ones(4), np.arange(16.0).reshape(4, 4) / 15, prompt=[[1, 2, 0, 3]]),
    "a skip": theory.AttentionParameters(np.ones(4), np.arange(16.0).reshape(4, 4) / 15, skip=[0.5, 1, 2]),
}


def test_layers_and_conventions_are_those_of_theory_risk() -> None:
    """Several heads, a prompt, a skip; a masked query, one of another law; a number for N; tasks of low rank."""
    fixed: dict[str, Any] = {"query": "masked", "query_covariance": [2.0, 0.0], "task_covariance": [0.0, 3.0]}
    table = grid(LAYERS, [0, 3], task=["target", "unseen"], normalization=["tokens", 2.5], pretrain_shots=4, **fixed)
    assert len(table) == 3 * 2 * 2 * 2
    for row in range(len(table)):
        name, task, convention, n = (table[column][row] for column in ("strategy", "task", "normalization", "n_shots"))
        exact = theory.risk(
            LAYERS[str(name)], int(n), task=str(task), pretrain_shots=4,
            normalization=2.5 if convention == "2.5" else str(convention), **fixed,
        )  # fmt: skip
        assert table["risk"][row] == pytest.approx(exact, rel=1e-14)  # one formula, in arrays of n and in a number


def test_a_checkpoint_tells_layers_and_conventions_apart(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    bare = theory.AttentionParameters(np.ones(4), np.arange(16.0).reshape(4, 4) / 15)
    grid(bare, [0, 1], pretrain_shots=4, checkpoint=path)
    for model in (LAYERS["a prompt"], LAYERS["a skip"]):
        with pytest.raises(ValueError, match="another sweep, which differs in strategy"):
            grid(model, [0, 1], pretrain_shots=4, checkpoint=path)
    for name, value in (("query", "masked"), ("query_covariance", [2.0, 1.0]), ("normalization", 2.5)):
        with pytest.raises(ValueError, match=f"another sweep, which differs in {name}"):
            grid(bare, [0, 1], pretrain_shots=4, checkpoint=path, **{name: value})


def test_a_checkpoint_of_another_sweep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.jsonl"
    grid("zs_v", [0, 1], 5, covariance=random_covariance(5), checkpoint=path)
    before = path.read_bytes()
    for change, name in (
        ({"n_shots": [0, 2]}, "n_shots"),
        ({"covariance": random_covariance(5, seed=1)}, "covariance"),
        ({"noise_variance": 0.1}, "noise_variance"),
        ({"strategies": "zs"}, "strategy"),
        ({"task_covariance": np.eye(5)}, "task_covariance"),
    ):
        arguments: dict[str, Any] = {"strategies": "zs_v", "n_shots": [0, 1], "covariance": random_covariance(5)}
        with pytest.raises(ValueError, match=f"checkpoint = .*another sweep, which differs in {name};"):
            grid(**{**arguments, **change}, checkpoint=path)
    assert path.read_bytes() == before
    for text in (b"notes", b"notes\n", b'{"format": "other"}\n', json.dumps([1]).encode() + b"\n"):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="not a checkpoint of numerics"):
            grid("zs_v", 0, 5, checkpoint=path)
        assert path.read_bytes() == text


@pytest.mark.parametrize(
    ("damaged", "fault"),
    [
        (b"[0, [0.5, 0.", "it is no JSON list of a block and its risks"),
        (b"\xff\xfe", "it is no JSON list of a block and its risks"),
        (b"", "it is no JSON list of a block and its risks"),
        (b"[0]", "it is no JSON list of a block and its risks"),
        (b"7", "it is no JSON list of a block and its risks"),
        (b"[9,[0.5,0.5]]", "there is no block 9"),
        (b"[-1,[0.5,0.5]]", "there is no block -1"),
        (b"[true,[0.5,0.5]]", "there is no block True"),
        (b'["0",[0.5,0.5]]', "there is no block '0'"),
        (b"[0,[0.5]]", "block 0 has 2 numbers"),
        (b"[0,[0.5,0.5,0.5]]", "block 0 has 2 numbers"),
        (b"[0,[[0.5],[0.5]]]", "block 0 has 2 numbers"),
        (b"[0,[[0.5],0.5]]", "it is no JSON list of a block and its risks"),
        (b'[0,["0.5","0.5"]]', "block 0 has 2 numbers"),
        (b"[0,[null,0.5]]", "block 0 has 2 numbers"),
        (b"[0,0.5]", "block 0 has 2 numbers"),
        (b"[0,[0.5,NaN]]", "a risk is NaN, which no sweep writes"),
    ],
)
def test_a_damaged_line_of_a_checkpoint_is_named(damaged: bytes, fault: str, tmp_path: Path) -> None:
    """File, line, what is wrong with it and what to do; which then does it."""
    path = tmp_path / "sweep.jsonl"
    whole = grid(["zs", "zs_v"], [0, 1], 5, pretrain_shots=20, checkpoint=path).to_numpy().tobytes()
    header, first, second, end = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([header, second, damaged, first, end]))
    with pytest.raises(ValueError, match="checkpoint = ") as error:
        grid(["zs", "zs_v"], [0, 1], 5, pretrain_shots=20, checkpoint=path)
    assert str(error.value) == (
        f"checkpoint = {str(path)!r} is not allowed: its line 3 is damaged ({fault}); delete that line, and its block is "
        "computed again, or give checkpoint a new path"
    )
    path.write_bytes(b"\n".join([header, second, end]))
    resumed = grid(["zs", "zs_v"], [0, 1], 5, pretrain_shots=20, checkpoint=path)
    assert resumed.to_numpy().tobytes() == whole


def test_a_checkpoint_keeps_every_float(tmp_path: Path) -> None:
    risks = np.array([math.pi, 5e-324, 1e308, math.inf, 0.1 + 0.2])
    sizes = [5] * 8
    with SweepCheckpoint(tmp_path / "x", {}, sizes) as checkpoint:
        checkpoint.add(7, risks)
    with SweepCheckpoint(tmp_path / "x", {}, sizes) as checkpoint:
        assert checkpoint.finished[7].tobytes() == risks.tobytes()


# --- the extremes --------------------------------------------------------------------------------------------------


def exact_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    out = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(array):
        out[index] = Fraction(float(value))
    return out


RATIONAL = ["pretrained", "zero_shot_value", "zero_shot_kq", "mixed_value", "mixed_kq"]
CONDITION = 1e12


@pytest.mark.parametrize("pretrain_shots", [20, math.inf])
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def test_condition_number_1e12(kind: str, pretrain_shots: float) -> None:
    """Against exact rational arithmetic on the same matrix.

    1e-13 relative, but for a full matrix that pretraining inverts as it is (infinite pretrain_shots): there its
    inverse is uncertain by condition * 2e-16, and so are the risks; 6e-5 was the worst seen over three matrices.
    """
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    if kind == "diagonal":
        rotation = np.eye(3)
    sigma = rotation @ np.diag([1.0, 1e-6, 1 / CONDITION]) @ rotation.T
    sigma = (sigma + sigma.T) / 2
    theta = np.array([0.6, -0.8, 0.5])
    tolerance = CONDITION * np.finfo(float).eps if kind == "full" and pretrain_shots == math.inf else 1e-13
    for target in (rotation[:, 0], rotation[:, 2]):
        table = grid(
            RATIONAL, [0, 3, 1000], covariance=sigma, target=target, task=["target", "unseen", theta],
            noise_variance=0.125, pretrain_shots=pretrain_shots, few_shot_shots=10, value_scale=1.0,
        )  # fmt: skip
        for row in table.to_numpy():
            task = str(row["task"])
            exact = theory.risk(
                str(row["strategy"]), int(row["n_shots"]), covariance=exact_array(sigma), target=exact_array(target),
                task=exact_array(theta) if task.startswith("vector") else task, noise_variance=Fraction(1, 8),
                pretrain_shots=pretrain_shots, few_shot_shots=10, value_scale=Fraction(1),
            )  # fmt: skip
            assert isinstance(exact, Fraction)
            assert abs(Fraction(float(row["risk"])) / exact - 1) <= tolerance, row


@pytest.mark.parametrize("covariance", [PowerLaw(4.0), Spiked(1e6), Spiked(1e-6)])
def test_families_with_condition_number_1e12_or_so(covariance: Any) -> None:
    """The largest and the smallest axis of a diagonal covariance against exact arithmetic, d = 20: 1e-13."""
    d = 20
    sigma = np.diag(covariance.eigenvalues(d))
    table = grid("zs_v", [0, 7], d, covariance=covariance, target=["largest", "smallest"], noise_variance=0.125)
    for row in table.to_numpy():
        axis = (np.argmax if row["target"] == "largest" else np.argmin)(np.diag(sigma))
        exact = theory.risk(
            "zs_v", int(row["n_shots"]), covariance=exact_array(sigma), target=exact_array(np.eye(d)[axis]),
            noise_variance=Fraction(1, 8),
        )  # fmt: skip
        assert abs(Fraction(float(row["risk"])) / exact - 1) <= 1e-13


def test_d_1000_dense_at_1000_shot_counts() -> None:
    """`pretrained` against its own moments in 40 digits, and a full matrix against the same one on its axes."""
    d, m, noise = 1000, 20, 0.1
    with mpmath.workdps(40):
        eigenvalues = [mpmath.mpf(float(x)) for x in PowerLaw(1.0).eigenvalues(d)]
        ridge = mpmath.fsum(eigenvalues) + d * mpmath.mpf(noise)
        mb = [x * (m + 1) / ((m + 1) * x + ridge) for x in eigenvalues]  # B Sigma
        spread, s = mpmath.fsum(x**2 for x in mb), eigenvalues[0]
        # E (sum y x)(sum y x)' = n (s + sigma^2) Sigma + n (n + 1) Sigma theta theta' Sigma
        exact = [
            float(
                s + noise - 2 * n * s * mb[0] / (n + 1)
                + (n * (s + mpmath.mpf(noise)) * spread + n * (n + 1) * s * mb[0] ** 2) / (n + 1) ** 2
            )
            for n in range(1000)
        ]  # fmt: skip
    dense = grid("pretrained", range(1000), d, covariance=PowerLaw(1.0), noise_variance=noise, pretrain_shots=m)
    np.testing.assert_allclose(dense["risk"], exact, rtol=1e-13)
    mirror = np.ones(d) / math.sqrt(d)  # a Householder reflection makes the matrix full
    eigenvectors = np.eye(d) - 2 * np.outer(mirror, mirror)
    sigma = (eigenvectors * PowerLaw(1.0).eigenvalues(d)) @ eigenvectors
    setting: dict[str, Any] = {"noise_variance": noise, "pretrain_shots": m, "n_shots": range(1000)}
    full = grid("mixed_value", covariance=sigma, target=eigenvectors[:, 0], **setting)
    axes = grid("mixed_value", d=d, covariance=PowerLaw(1.0), **setting)
    np.testing.assert_allclose(full["risk"], axes["risk"], rtol=2e-12)  # ten roundings times the condition number, 1000


def test_d_1_everywhere() -> None:
    """Sigma = (1) is the identity, in every strategy, task and convention; and Sigma = (4) with exact arithmetic."""
    setting: dict[str, Any] = {
        "task": ["target", "opposite", "unseen"], "normalization": ["tokens", "shots"], "value_scale": 1.0, **OFFICIAL
    }  # fmt: skip
    names, shots = list(PUBLISHED), [0, 1, 2, 7, 10**6]
    isotropic = grid(names, shots, 1, **setting)
    assert np.isfinite(isotropic["risk"]).all()
    assert (isotropic["risk"] >= 0.1).all()
    dense = grid(names, shots, 1, covariance=[[1.0]], target=["largest", "smallest", "uniform"], **setting)
    per_target = dense["risk"].reshape(7, 3, 3, 2, 5)  # strategy, task, target, normalization, n
    for k in range(3):
        np.testing.assert_allclose(np.abs(per_target[:, :, k]).ravel(), isotropic["risk"], rtol=1e-13)
    four = grid(RATIONAL, shots, covariance=np.array([[4.0]]), **setting)
    for row in four.to_numpy():
        exact = theory.risk(
            str(row["strategy"]), int(row["n_shots"]), covariance=[[Fraction(4)]], task=str(row["task"]),
            normalization=str(row["normalization"]), noise_variance=Fraction(0.1), pretrain_shots=20,
            value_scale=Fraction(1),
        )  # fmt: skip
        assert abs(Fraction(float(row["risk"])) / exact - 1) <= 1e-13


def test_no_shots_everywhere() -> None:
    """At n = 0 both conventions agree, few shots and noise cannot matter beyond the floor, and closed values hold."""
    dimensions, noises = np.array([1, 2, 5, 1000, 10**6]), np.array([0.0, 0.1, 3.0])
    for name, excess in (
        ("pretrained", 1 + 0 * dimensions), ("zero_shot_kq", 1 + 0 * dimensions), ("mixed_kq", 1 + 0 * dimensions),
        ("zero_shot", 0 * dimensions), ("mixed", 0 * dimensions),
        ("zero_shot_value", 2 / (dimensions + 4)), ("mixed_value", 2 / (dimensions + 4)),
    ):  # fmt: skip
        table = grid(name, 0, dimensions, noise_variance=noises, pretrain_shots=20, normalization=["tokens", "shots"])
        expected = np.tile((excess[:, None] + noises).ravel(), 2)
        np.testing.assert_allclose(table["risk"], expected, rtol=1e-13)


# --- the table -----------------------------------------------------------------------------------------------------


def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = grid(["zs", "zs_v"], [0, 10], 5, noise_variance=0.1, pretrain_shots=[20, math.inf])
    assert len(table) == 8
    assert table.columns == (
        "strategy", "task", "covariance", "target", "normalization", "d", "noise_variance", "pretrain_shots",
        "few_shot_shots", "few_shot_weight", "value_scale", "n_shots", "risk",
    )  # fmt: skip
    array = table.to_numpy()
    assert array.dtype.names == table.columns
    assert array["n_shots"].dtype == table["d"].dtype == np.int64
    table.to_csv(tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_bytes().decode()
    header, *rows = [line.split(",") for line in text.splitlines()]
    assert "\r" not in text
    assert tuple(header) == table.columns
    assert [float(row[-1]) for row in rows] == table["risk"].tolist()  # full precision
    assert rows[0][:8] == ["zero_shot", "target", "isotropic", "first", "tokens", "5", "0.1", "20.0"]
    assert rows[2][7:9] == ["inf", "nan"]
    lines = repr(table).splitlines()
    assert lines[-1] == "[8 rows]"
    assert lines[0].split() == list(table.columns)
    assert len({len(line) for line in lines[:-1]}) == 1  # aligned
    assert "..." in repr(grid("zs", range(50), 5))
    with pytest.raises(KeyError, match="'risks' is not a column; the columns are strategy"):
        table["risks"]
    with pytest.raises(ValueError, match="one length"):
        Table({"a": [1, 2], "b": [1]})
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="needs pandas, which is not installed: pip install pandas"):
        table.to_pandas()


def test_to_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = grid("zs", range(5), 5)
    frame = table.to_pandas()
    pandas.testing.assert_frame_equal(pandas.DataFrame(table), frame)
    assert isinstance(frame, pandas.DataFrame)
    assert frame["risk"].tolist() == table["risk"].tolist()
    assert tuple(frame.columns) == table.columns


def test_progress_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    grid("zs", range(5), 5)
    assert capsys.readouterr().err == ""  # not a terminal
    grid("zs", range(5), 5, progress=True)
    assert "5.00/5.00" in capsys.readouterr().err


# --- bad calls -----------------------------------------------------------------------------------------------------

MODEL = theory.AttentionParameters(np.ones(4), np.eye(4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"strategies": "zero"}, ValueError, "'zero' is unknown"),
        ({"strategies": []}, ValueError, "strategies = .*non-empty"),
        ({"strategies": 3}, TypeError, "3"),
        ({"strategies": MODEL}, ValueError, "model 'model 1' of dimension 2 is not allowed with d = 5"),
        ({"strategies": "both"}, ValueError, "few_shot_shots = None"),
        ({"strategies": "both", "few_shot_shots": 3, "few_shot_weight": 1}, theory.NoClosedForm, "few_shot_weight"),
        ({"n_shots": [1, -1]}, ValueError, "n_shots = -1"),
        ({"n_shots": []}, ValueError, "n_shots"),
        ({"n_shots": [[1, 2], [3, 4]]}, ValueError, "n_shots"),
        ({"n_shots": "3"}, TypeError, "n_shots"),
        ({"d": 0}, ValueError, "d = 0"),
        ({"d": None}, ValueError, "d = None is not allowed: nothing else has it"),
        ({"d": [2, 3], "covariance": np.eye(2)}, ValueError, "covariance 'matrix 1' of dimension 2 .* d = 2, 3"),
        ({"covariance": [np.eye(5), np.eye(2)]}, ValueError, "covariance 'matrix 2' of dimension 2"),
        ({"covariance": "isotropc"}, ValueError, "covariance = 'isotropc' is unknown .*'isotropic'"),
        ({"covariance": -np.eye(5)}, ValueError, "covariance = .* not positive definite"),
        ({"covariance": Spiked(*range(1, 9))}, ValueError, "d = 5 .* at least 8"),
        ({"task_covariance": np.eye(2)}, ValueError, "task_covariance"),
        ({"target": "larges"}, ValueError, "target = 'larges' is unknown .*'largest'"),
        ({"target": [1.0, 0.0]}, ValueError, "target 'vector 1' of dimension 2"),
        ({"target": [0.0] * 5}, ValueError, "target = .*non-zero"),
        ({"task": "traget"}, ValueError, "task = 'traget' is unknown .*'target'"),
        ({"task": 1.5}, ValueError, "task = 1.5"),
        ({"task": [1.0, 0.0, 0.0, 0.0, 0.0]}, ValueError, "task = .* could be either"),
        ({"task": [[1.0, 0.0]]}, ValueError, "task 'vector 1' of dimension 2"),
        ({"task": 0.5, "d": [1, 5]}, ValueError, "task = 0.5 .* d = 1"),
        ({"task": 0.5, "covariance": PowerLaw(1.0)}, ValueError, "task = 0.5 .*vector"),
        ({"noise_variance": -0.1}, ValueError, "noise_variance = -0.1"),
        ({"noise_variance": math.nan}, ValueError, "noise_variance = nan"),
        ({"pretrain_shots": 0}, ValueError, "pretrain_shots = 0"),
        ({"value_scale": "balance"}, ValueError, "value_scale = 'balance'"),
        ({"value_scale": [1.0, "balanced"]}, TypeError, "value_scale"),
        ({"normalization": "token"}, ValueError, "normalization = 'token' is unknown .*'tokens'"),
    ],
)  # fmt: skip
def test_bad_calls(arguments: dict[str, Any], error: type[Exception], message: str, tmp_path: Path) -> None:
    path = tmp_path / "unused"
    with pytest.raises(error, match=message):
        grid(**{"strategies": "zs_v", "n_shots": 2, "d": 5, **arguments}, checkpoint=path)
    assert not path.exists()  # refused before anything ran


@pytest.mark.parametrize(
    ("family", "value"), [(PowerLaw, -1.0), (PowerLaw, math.nan), (Spiked, 0.0), (Spiked, math.inf)]
)
def test_bad_families(family: Any, value: float) -> None:
    with pytest.raises(ValueError, match=f"(exponent|spike) = {value}"):
        family(value)
