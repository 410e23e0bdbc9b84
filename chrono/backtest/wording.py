"""What a report says around its figures, and how it looks."""

from chrono.backtest.rivals import RIVALS

STYLE = """
:root{color-scheme:light dark;--ink:#16202c;--paper:#fff;--faint:#5b6775;--rule:#d8dee6;--strip:#eef1f5;
--k0:#0b63a5;--k1:#b3261e;--k2:#b07a00;--k3:#1b7f5c;--k4:#8a4fb0;--k5:#c2528b;--k6:#3a8fb7;--k7:#7a6a2f;--k8:#5f6b7a}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--paper:#11161d;--faint:#9aa7b5;--rule:#2a333f;--strip:#1b222c;
--k0:#5cb2f2;--k1:#ff8a80;--k2:#e9b949;--k3:#4ecb9d;--k4:#c59be6;--k5:#f092c0;--k6:#82cde8;--k7:#cdbd78;--k8:#a3b0bf}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:980px;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--rule)}h3{margin:1.5rem 0 .3rem}
figure{margin:1.5rem 0}figcaption{font-weight:600}p.about{color:var(--faint)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
th,td{text-align:right;padding:.2rem .6rem;border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{text-align:left}tr.ours{font-weight:600}
svg{width:100%;height:auto;display:block}text{font-size:12px;fill:var(--faint)}
.middle{text-anchor:middle}.end{text-anchor:end}.rule{stroke:var(--rule);fill:none}.line{fill:none;stroke-width:1.3}
.line.ours{stroke-width:2.6}.strip{fill:var(--strip)}.silent{fill:var(--faint);background:var(--faint)}
ul.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.2rem 0}
ul.legend i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;vertical-align:-1px}
code{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .4rem 1rem}
""" + "".join(f".c{n}{{stroke:var(--k{n})}}.b{n}{{fill:var(--k{n});background:var(--k{n})}}" for n in range(9))

ABOUT = """Every source was left out in turn (or the one that was asked for), each rule was given the newest words of
the others at the same instants, and its price was held against what the left-out source said itself. Nothing was known
before its receipt. Errors are absolute, in bps (1/10000) of that source. Beside each figure stands where it lies, 95 %,
found by drawing whole stretches of time anew; and, for another rule, where our error minus its error lies: below 0 ours
is smaller, and an interval that holds 0 shows no difference."""

RULES = {"chrono": "our consensus, as it prices live"} | {
    name: " ".join((rule.__doc__ or "").split()).rstrip(".") for name, rule in RIVALS.items()
}

FAIR = """an instant before which the left-out source was within 0.5 % of the plain median of the rest at 95 % of the
instants of the hour before"""
SILENT = "nothing new of that source in the window"
