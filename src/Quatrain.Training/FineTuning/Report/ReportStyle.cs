using Quatrain.Training.Plots;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>How the page looks: its style sheet, and the colours that plots take from it so that they follow a dark page.</summary>
internal static class ReportStyle
{
    /// <summary>The colours of plots' frames.</summary>
    public static readonly PlotColors Colors = new("var(--ink)", "var(--muted)", "var(--grid)", "var(--paper)");

    /// <summary>The colours of the first and second series, told apart by people who see no red or green too.</summary>
    public const string First = "var(--first)", Second = "var(--second)";

    /// <summary>The style sheet.</summary>
    public const string Sheet = """
        :root { color-scheme: light dark; --ink: #26282b; --muted: #63676d; --grid: #e7e8e6; --paper: #fdfdfc; --page: #f3f3f1; --edge: #d9dad7; --first: #2b6cb0; --second: #c94f21; --heat: 43 108 176; --miss: 201 79 33; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e6e3; --muted: #a2a6ac; --grid: #34373b; --paper: #1d1f22; --page: #141517; --edge: #3a3d41; --first: #6fa8dc; --second: #f08a5d; --heat: 111 168 220; --miss: 240 138 93; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100%; }
        main { max-width: 66rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
        h3 { font-size: 1rem; margin: 0 0 .3rem; }
        p { margin: .4rem 0; max-width: 46rem; }
        .quiet, figcaption { color: var(--muted); font-size: .9rem; }
        .card, figure { background: var(--paper); border: 1px solid var(--edge); border-radius: 10px; padding: 1rem 1.1rem; margin: 0; min-width: 0; }
        .verdict { margin: 1.2rem 0 0; font-size: 1.05rem; }
        .scores { display: flex; flex-wrap: wrap; gap: .4rem 2.4rem; margin: 0 0 .6rem; }
        .scores div { display: flex; flex-direction: column-reverse; }
        .scores dt { color: var(--muted); font-size: .9rem; }
        .scores dd { margin: 0; font-size: 1.9rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); }
        figure svg { display: block; width: 100%; height: auto; }
        figcaption { margin-top: .4rem; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
        th, td { padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--grid); }
        thead th { color: var(--muted); font-weight: 500; font-size: .9rem; vertical-align: bottom; }
        tbody th { font-weight: 500; }
        .n { text-align: right; white-space: nowrap; }
        tr > :last-child { padding-right: 0; }
        tbody tr:last-child > * { border-bottom: 0; }
        .text { overflow-wrap: anywhere; white-space: pre-wrap; min-width: 14rem; width: 100%; }
        .label { overflow-wrap: anywhere; min-width: 5.5rem; }
        .wide { grid-column: 1 / -1; }
        .confusion { width: auto; border-collapse: separate; border-spacing: 4px; }
        .confusion td, .confusion th { border: 0; padding: .5rem .7rem; }
        .confusion td { text-align: right; border-radius: 6px; min-width: 5rem; }
        .confusion th.n { white-space: normal; vertical-align: bottom; }
        .confusion small { display: block; color: var(--muted); white-space: nowrap; }
        .confusion .right { outline: 1px solid var(--edge); }
        @media (max-width: 32rem) { figure svg { font-size: 16px; } .card, figure { padding: .8rem; } }
        """;
}
