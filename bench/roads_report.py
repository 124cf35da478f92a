"""Print the tables of docs/roads.md: the approximate network against published distances, as Markdown."""

from __future__ import annotations

import pandas as pd
from boai.geodata import approximate, boundaries, demand, gazetteer, roads
from boai.geodata.expressways import read_expressways


def line(name: str, found: pd.DataFrame, column: str = "error_pct") -> str:
    """One row of the summary table."""
    s = roads.summarise(found, column)
    return (
        f"| {name} | {s.rows} | {s.median_pct:.1f} % | {100 * s.within_25:.0f} % | "
        f"{s.worst_pct:.0f} % | {s.bias_pct:+.0f} % |"
    )


def rows(found: pd.DataFrame, own: pd.DataFrame, *, times: bool) -> None:
    """Print every row of a table with and without its own length in the network."""
    for row, error in zip(found.to_dict("records"), own["error_pct"], strict=True):
        known = row["km"] == row["km"]
        km = [f"{row['km']:.1f}", f"{row['model_km']:.1f}", f"{row['error_pct']:+.0f}", f"{error:+.0f}"]
        cells = km if known else ["", f"{row['model_km']:.1f}", "", ""]
        if times:
            timed = row["minutes"] == row["minutes"]
            cells += [f"{row['minutes']:.0f}", f"{row['model_minutes']:.0f}"] if timed else ["", ""]
        print(f"| {row['from']} – {row['to']} | {' | '.join(cells)} |")


def main() -> None:
    """Build everything from the embedded data and print."""
    units, census = boundaries.read_default(), demand.read_census()
    gaz = gazetteer.build(units, census)
    cells = demand.build(units, census, gaz)
    parameters = approximate.read_parameters()
    frame = approximate.skeleton(gaz, cells, rules=parameters.rules)
    network, table = approximate.weigh(frame, parameters), roads.read_distances()
    for name, facts in network.meta["classes"].items():
        print(f"| {name} | {facts['links']} | {facts['km']:.0f} | {parameters.speed_kmh[name]} |")
    print(f"{network.n_nodes} nodes, {network.n_edges} directed edges")
    built = roads.check_distances(network, gaz, table)
    fit = roads.calibrate(frame, gaz, table, parameters=parameters)
    print(f"fitted {fit.expressway}; mean absolute log error by factor:")
    print(fit.loss.round(4).T.to_string())
    # Every row with the factor fitted to the others, in a network without the row's own length.
    alone = built.assign(error_pct=pd.Series(fit.left_out, index=built.index[built["km"].notna()]))
    sections = roads.section_table(read_expressways(gaz), verified=False)
    second = roads.check_distances(network, gaz, sections)
    bare = approximate.weigh(frame, parameters, without=range(len(frame.stretches)))
    second_bare = roads.check_distances(bare, gaz, sections)
    print(line("`road_distances.csv`, in the network as built", built))
    print(line("**same rows, fit and network without the row's own length**", alone))
    section = alone["kind"] == "expressway_section"
    print(line("of them sections of expressways", alone[section]))
    print(line("of them from place to place", alone[~section]))
    print(line("`verified: false` sections, as built", second))
    print(line("**same sections without their own length; not used in the fit**", second_bare))
    print(line("driving times", built, "minutes_error_pct"))
    rows(built, alone, times=True)
    rows(second, second_bare, times=False)


if __name__ == "__main__":
    main()
