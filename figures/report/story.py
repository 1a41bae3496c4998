"""What the theorems come to, for a reader who has ten minutes; and the words that the rest of the page uses."""

from __future__ import annotations

import re

import theory
from theory.names import TaskName
from theory.strategies import PUBLISHED

from .evidence import OFFICIAL
from .html import link_to, table
from .mathematics import prose

_SHOTS = 20
_PARAGRAPHS = (
    r"A model that was pretrained to do regression in context answers a query from the shots in its prompt: it has never "
    r"stored a task. Now it is fine-tuned on *one* task $\theta_0$. What becomes of its ability to learn other tasks from "
    r"a prompt, and of the target itself when shots are given? That depends on what is trained, and on which loss.",
    r"*How it learns in context.* The score $x_q^\top B x_i$ says how much shot i bears on the query, and w reads its "
    r"label: the answer is a weighted mean of labels. Pretraining makes $wB$ nearly $\Sigma^{-1}$ and leaves the rest at zero "
    "[R1].",
    r"*Zero-shot loss, everything trained: it is gone.* With no shots there are no labels to read: the model can only "
    r"store the target in $v_x$. But the same score B multiplies what is stored, and adds a cubic error in the query; the loss "
    r"is least only where B is gone [R2.zero_risk]. What is left is the stored answer, and a response to the shots that "
    r"does not depend on the query: any number of shots is worse than none, on the target itself [R2.risk].",
    r"*Zero-shot loss, value matrix alone: kept, at a price.* B stays, so the context is still read. The target is stored as "
    r"well as a frozen B allows: without shots the excess falls from $s$ to $2s/(d+4)$ if inputs and tasks are isotropic "
    r"[R4]. Unseen tasks are biased towards it, by an amount that no number of shots removes [R9.price].",
    r"*Zero-shot loss, key-query matrix alone: nothing happens.* Nothing is stored, so without shots the answer is 0 "
    r"whatever Q is, and there is no gradient [R3]. The smallest stored piece changes everything: the limit is singular "
    r"[R3.singular].",
    r"*An auxiliary few-shot loss* added to it: with the value matrix alone it moves w, which helps the target and hurts "
    r"unseen tasks inside a window of n [R5] [R8.window]. With everything trained B stays gone: every answer is along the "
    r"target, and the shots only scale it, sign included [R7]. With the key-query matrix alone the model recites the "
    r"target, scaled by the labels' size [R6].",
)
_WORDS = (
    ("shot", r"a pair (x, y) in the prompt; n shots are given at evaluation, m in the pretraining and few-shot losses"),
    (
        "target, unseen, opposite",
        r"the task $\theta_0$ of fine-tuning; the average over pretraining's tasks; $-\theta_0$",
    ),
    (r"$s$, $\rho$", r"the target's signal power $\theta_0^\top\Sigma\theta_0$, and $\sigma^2/s$"),
    (r"$|a|_\Sigma^2$", r"$a^\top\Sigma a$, the squared length in the metric of the inputs"),
    (r"$N$, $\eta$", r"the divisor of the attention sum; $N = n + \eta$, $\eta = 1$ if the query counts as a token"),
    (r"$M$, $t_1$, $t_2$", r"$B\Sigma$ (B symmetric), its trace and that of its square"),
    ("gauge", r"one of the equivalent pairs $(kv, Q/k)$, which all predict the same; a convenient k"),
    ("balanced", r"$|v|^2 = |Q|_F^2$, which gradient flow keeps and a small start ends at"),
    (
        "contraction",
        r"a number such as $v_x^\top\Sigma B\Sigma\theta$ or $\mathrm{tr}\,B\Sigma$: what a risk is made of",
    ),
    ("flow", "gradient flow of the population loss: gradient descent with small steps and all the data"),
    ("printed", "what the library's code computes, as opposed to what a proof derives from the definition"),
    ("identically zero", "zero as a polynomial or rational function of all symbols: no value of them is an exception"),
    ("brute force", "the definition itself, summed term by term in exact fractions at small sizes"),
    ("certificate", "a fixed point's gradient and curvature, and where a numerical flow ends"),
)


def story(names: set[str]) -> str:
    """The paragraphs, with links to those theorems that are on the page, and the seven strategies' risks side by side."""
    text = "\n".join(f"<p>{_linked(_emphasised(prose(paragraph)), names)}</p>" for paragraph in _PARAGRAPHS)
    columns: tuple[tuple[TaskName, int], ...] = (
        ("target", 0),
        ("target", _SHOTS),
        ("unseen", _SHOTS),
        ("opposite", _SHOTS),
    )
    rows = [
        (
            f'<a href="#strategy-{name}"><code>{name}</code></a>',
            *(f"{theory.risk(name, n, setting=OFFICIAL, task=task):.3f}" for task, n in columns),
        )
        for name in PUBLISHED
    ]
    floor = OFFICIAL.noise_variance
    caption = (
        f"Exact risks at d = {OFFICIAL.d}, m = {OFFICIAL.pretrain_shots}, σ² = {floor}. No risk is below {floor}, the noise "
        f"of the label; {1 + floor} is that of always answering 0"
    )
    return text + table(caption, ("strategy", *(f"{task}, n = {n}" for task, n in columns)), rows)


def words() -> str:
    """The glossary."""
    return "<dl>\n" + "\n".join(f"<dt>{prose(term)}</dt><dd>{prose(text)}</dd>" for term, text in _WORDS) + "\n</dl>"


def _emphasised(html: str) -> str:
    parts = html.split("*")
    return "".join(f"<strong>{part}</strong>" if k % 2 else part for k, part in enumerate(parts))


def _linked(html: str, names: set[str]) -> str:
    """Theorems in brackets, [R4], as links."""
    return re.sub(r"\[(R[\w.]+)\]", lambda match: f"({link_to(match[1], names)})", html)
