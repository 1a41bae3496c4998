"""Command line: ``python -m figures [NAME ...]`` draws the figures; ``python -m figures explore`` writes the explorer."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

import numerics.shadowed  # noqa: F401  # before theory
from theory.command_types import OneLineParser, number, whole_or_infinite

from . import catalogue


def formats(text: str) -> tuple[str, ...]:
    """File formats separated by commas."""
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for extension in chosen:
        if extension not in catalogue.FORMATS:
            raise argparse.ArgumentTypeError(f"{extension!r} is not a format; allowed: {', '.join(catalogue.FORMATS)}")
    return chosen


def figure_name(text: str) -> str:
    """The name of a figure."""
    if text not in catalogue.NAMES:
        near = difflib.get_close_matches(text, catalogue.NAMES, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise argparse.ArgumentTypeError(f"{text!r} is no figure{hint}; allowed: {', '.join(catalogue.NAMES)}")
    return text


def look(text: str) -> str:
    """The name of a look."""
    if text not in catalogue.LOOKS:
        raise argparse.ArgumentTypeError(f"{text!r} is no look; allowed: paper, talk, dark, or talk,dark for both")
    return text


def resolution(text: str) -> float:
    """Dots per inch."""
    found = number(text)
    if not 0 < found <= catalogue.MOST_DPI:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a positive number of dots per inch up to {catalogue.MOST_DPI}"
        )
    return found


def folder(text: str) -> Path:
    """A directory to write to: any name but the empty one, which would be this directory."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not the name of a directory; write . for this one")
    return Path(text)


def page_file(text: str) -> Path:
    """An HTML file to write, in a directory that is there."""
    path = Path(text)
    if path.is_dir():
        fault = "a directory"
    elif path.suffix.lower() not in (".html", ".htm"):
        fault = "not the name of a page"
    elif not path.parent.is_dir():
        fault = f"in {str(path.parent)!r}, which is not a directory"
    else:
        return path
    raise argparse.ArgumentTypeError(
        f"{text!r} is {fault}; allowed: a name that ends in .html, in a directory that is there"
    )


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    made = OneLineParser(
        prog="python -m figures",
        description="Draw the figures, each with a CSV file of exactly the plotted numbers, and a gallery index.html. "
        "'python -m figures explore' writes a page with sliders instead.",
    )
    made.add_argument("names", nargs="*", type=figure_name, metavar="NAME", help="figures to draw (default: all)")
    made.add_argument(
        "--output", type=folder, default=Path("figures", "output"), metavar="DIR", help="default figures/output"
    )
    made.add_argument(
        "--formats",
        type=formats,
        default=catalogue.FORMATS,
        metavar="LIST",
        help=f"of {','.join(catalogue.FORMATS)} (default all)",
    )
    made.add_argument("--dpi", type=resolution, help="dots per inch of PNG files (default 200)")
    world = made.add_argument_group("a setting of your own (default: d = 5, m = 20, noise 0.1)")
    world.add_argument("--d", type=int, help="input dimension")
    world.add_argument("--m", type=whole_or_infinite, help="shots of pretraining")
    world.add_argument("--noise", type=number, help="label noise variance")
    made.add_argument(
        "--style",
        type=look,
        default="paper",
        metavar="LOOK",
        help="paper (default), talk (larger letters), dark, or talk,dark",
    )
    made.add_argument("--list", action="store_true", help="list the figures and exit")
    made.add_argument(
        "--retrain",
        action="store_true",
        help="train the models shown as points anew (tens of minutes) into DIR/training, instead of the shipped ones",
    )
    return made


def explore(arguments: Sequence[str]) -> int:
    """Write the explorer's page."""
    made = OneLineParser(
        prog="python -m figures explore",
        description="One offline page with sliders: risk curves and prices that move at once (needs the extra explore).",
    )
    made.add_argument("--output", type=page_file, default="explorer.html", metavar="FILE", help="default explorer.html")
    options = made.parse_args(arguments)
    from .explorer.page import write

    try:
        print(write(options.output))
    except (ImportError, OSError) as error:
        print(f"python -m figures explore: {error}", file=sys.stderr)
        return 2
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; 1 if a figure failed, 2 for wrong input, each failure one line on standard error."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["explore"]:
        return explore(given[1:])
    options = parser().parse_args(given)
    if options.list:
        width = max(map(len, catalogue.NAMES))
        for name in catalogue.NAMES:
            print(f"{name:<{width}}  {catalogue.load(name).TITLE}")
        return 0
    if options.dpi is not None and "png" not in options.formats:
        print(
            f"python -m figures: --dpi {options.dpi:g} is for png, which --formats {','.join(options.formats)} leaves out",
            file=sys.stderr,
        )
        return 2
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"python -m figures: --output {options.output}: {error.strerror}", file=sys.stderr)
        return 2
    from theory import OFFICIAL

    from .gallery import write_gallery
    from .rendering import render

    world = {"d": options.d, "pretrain_shots": options.m, "noise_variance": options.noise}
    world = {name: value for name, value in world.items() if value is not None}
    try:
        setting = OFFICIAL.replace(**world)
        refused = {name: catalogue.refusal(name, setting) if world else None for name in catalogue.NAMES}
        shown = [name for name in catalogue.NAMES if refused[name] is None]
        for name in options.names:
            if name not in shown:
                unused = "--d, --m" if name in catalogue.UNUSED else "--d, --m, --noise"
                raise ValueError(f"{name} takes no {unused}: {refused[name]}; these do: {', '.join(shown)}")
    except (ValueError, TypeError) as error:
        print(f"python -m figures: {error}", file=sys.stderr)
        return 2
    names = [name for name in shown if not options.names or name in options.names]
    trained: dict[str, Any] = {}
    if options.retrain:
        from .official import retrain

        trained["training"] = options.output / "training"
        retrain(trained["training"])
    failures = []
    with tqdm(names, unit="figure", disable=None) as bar:
        for name in bar:
            bar.set_description(name)
            try:
                chosen = trained if name in catalogue.TRAINED else {"setting": setting} if world else {}
                render(name, options.output, options.formats, look=options.style, dpi=options.dpi, **chosen)
            except Exception as error:  # whatever it is, it is named and the other figures are drawn
                failures.append(f"python -m figures: {name} failed: {type(error).__name__}: {error}")
    write_gallery(options.output, setting if world else None)
    for failure in failures:
        print(failure, file=sys.stderr)
    if not failures:
        print(f"{len(names)} figures in {options.output}; open {options.output / 'index.html'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
