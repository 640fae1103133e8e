"""What a token costs: `python -m benchmarks.token_endpoint`."""

import gc
from dataclasses import replace

import click

from benchmarks.measuring import Plan, measured
from benchmarks.report import surroundings, tables
from benchmarks.stores import STORES
from benchmarks.targets import target_table

_FULL = Plan((100, 10_000, 1_000_000), rounds=12, requests=400, long_rounds=5, long_seconds=2)
_SMALLEST = 100  # so that there are several tokens of both kinds
_QUICK = Plan((100, 10_000), rounds=5, requests=150, long_rounds=3, long_seconds=1)


class _Choices(click.ParamType[tuple[str, ...]]):
    name = "store,store"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(value.split(","))
        if not set(names) <= set(STORES):
            self.fail(f"{value!r} holds something else than {', '.join(STORES)}", param, ctx)
        return names


class _Numbers(click.ParamType[tuple[int, ...]]):
    name = "number,number"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            numbers = tuple(sorted({int(word) for word in value.split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers", param, ctx)
        if numbers[0] < _SMALLEST:
            self.fail(f"a store has at least {_SMALLEST} tokens", param, ctx)
        return numbers


@click.command()
@click.option("--quick", is_flag=True, help="Few rounds, and no store of a million tokens.")
@click.option("--rounds", type=click.IntRange(2), help="How often everything is measured in turn.")
@click.option("--stores", type=_Choices(), default=",".join(STORES), show_default=True, help="Where the tokens are kept.")
@click.option("--sizes", type=_Numbers(), help="How many tokens there are.")
def main(*, quick: bool, rounds: int | None, stores: tuple[str, ...], sizes: tuple[int, ...] | None) -> None:
    """Measure what a token costs, beside an application that does nothing."""
    gc.freeze()  # what was imported: a collection would go through all of it in the middle of a measurement
    plan = _QUICK if quick else _FULL
    plan = replace(plan, rounds=rounds or plan.rounds, sizes=sizes or plan.sizes)
    click.echo(surroundings())
    results = []
    for name in stores:
        results.append(measured(name, plan, lambda text: click.echo(text, err=True)))
        click.echo("\n" + "\n".join(tables(results[-1])) + "\n")
    click.echo("\n".join(target_table(results)))


if __name__ == "__main__":
    main()
