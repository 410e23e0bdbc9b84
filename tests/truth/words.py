"""What docs/truth.md says around its tables: how each figure is defined."""

HEAD = """# The consensus against recorded history

Written by `make truth` (`python -m tests.truth`): do not edit. Every recording is replayed through the window, graph and
rule that price live (`chrono replay`'s engine), nothing known before its receipt. Other rules get the very points that ours
got, at the same instants: every minute on one-minute bars, every second on trades and on everything simulated. The recordings
are others'; only figures of them stand here. What is missed is marked, and said at the end why.
"""

QUICK = (
    "\n**A quick run: six hours of the one incident, half an hour of the other. No figure below is of a whole tape.**\n"
)

LEFT_OUT = """## One source left out

By `chrono backtest`: at every instant each source is left out in turn, whatever book it speaks by, and our value of the
rest is held against what that source last dealt at: of this minute on bars, 15 s old at most on trades. A source without
a book in the market's own currency is converted by the rate that the replay has at that instant. Sources are the venues
that dealt in a book that leads into the market; an index that knows the future (cryptocompare) and books in which nobody
deals are none.

An instant counts when our value is fit to vote with. It is *fair* when the left-out source was within 0.5 % of the plain median of
the rest at 95 % of the instants of the hour before (ten of them at least, the instant itself not among them). The target,
for markets with three sources left, is >= 99.5 % of the fair instants within 0.5 %. Beside it the same when agreement is asked
at *half* of the hour before, at the *whole* of it, and not at all (*unfiltered*).

"""

THIN = """## Thinner tapes, one source is enough

Fewer than three sources remain, so there is no target. Replayed with `--min-sources 1`, and every value counts, fit to vote
with or not: one source alone never reaches the least confidence.

"""

ERRORS = """## Beside other rules

Absolute error against the left-out source in bps, all left-out sources of a market together, fair or not. `median`, `mean`,
`trimmed-mean` (a fifth at each end, one source at least), `three-sigma` (the mean of what is within three standard deviations)
and `volume-weighted` are of the sources' newest prices, `latest-weighted` is their median with weights exp(-0.00005 x age
in ms) as in Flare's example, `vwap` is of all deals of the window, `median-of-vwaps` of each source's own. The best other is
the best of eight in that figure, rarely the same one in both; the last column names rules that are better than ours in both
at once. In brackets where the difference of our error to that best one lies (95 %, whole stretches of an hour or more
resampled; below 0 ours is smaller), *alike* when that holds 0. Instants at which some rule says nothing (no volume is known
of a perpetual) are left out.

"""

TAPES = """### By tape

The same over all markets of a tape together.

"""

SENSITIVITY = """## The main numbers of the rule

The same errors (median / P99, bps) with one number of the rule changed, on the same points. Conversions keep their rates.

"""

CRASH = """## The labelled episodes of the crash

A label names a venue whose last trade (15 s old at most) stood more than 5 % from that of the nearest other venue for
three seconds or more. It names a *culprit* only while it is the only label of its second and three venues are fresh.
With two venues both are listed: that second is a *dispute*, nobody can know who is wrong, and no value to vote with is the right
answer, not an exclusion. Perpetuals are taken along, minimum two (with three sources and a minimum of three
nobody could be left out), one instant a second, the whole day. POL/USDT cannot be converted on this tape: nobody prices
USDT in dollars, so POL has two sources.

*found*: culprits left out. *labelled*: of all that was left out, what stood under a label; since our gate is 10 bps
and the labels begin at 500, much that is rightly left out has none. *apart*: what stood more than 0.5 % from every other source.
*by name*: the same of the verdicts jump, frozen, deviation and anomaly.

"""

CALM = """## Calm days

Nobody lied, so whoever is left out within 0.5 % of another source is left out falsely. A run of instants counts once.

"""

PLANTED = """## Planted faults

Simulated tapes of half an hour, five markets of up to nine venues, one word of each book every two seconds; the fault lasts
for the middle half. A point is one source of one market at one instant. It is bad when its newest price was said under a fault (or is
old because of one) and is more than 30 bps from the fair price, good when no fault touched it and it is within 10 bps; what
lies between is not judged. All tapes together: **{share} %** of the points rightly kept or left out, target 99.9 %.
Most of the good ones that are left out spoke wrongly a few seconds before: the window still holds it.

"""

LYING = """## Liars and outages

Six simulated venues of BTC/USD, three of them converted from USDT. One liar: each of the six in turn multiplies all
its prices by each of 17 factors from a millionth to a million, or by another one with each word; our price may not move by more than
the honest estimates of both runs lie apart. Two liars: every pair, eight pairs of factors of 0.5 % and more, BTC books
only, from 15 s after their first lie. When they lie about USDT too, two of the three that price USDT/USD here are more than
that edge can bear, and such pairs are not always caught. Outage: tape time, one look every 5 s.

"""

END = """## What the figures say

- Sources of one market are few on these tapes: only BTC/USD and BTC/USDT of March 2023 keep three when one is left out.
  On the crash tapes one or two remain, and which of two is right cannot be known from them: the P99 of every rule is there
  the distance of the left-out source from all others. Rules that lag (`vwap`, over three minutes) are then nearer to a source
  that lags too; whole stretches resampled, that is as likely chance.
- *No worse than the best other rule* is a hard yardstick: the best median and the best P99 are rarely of one rule. Ours is beaten
  in both at once on BTC/EUR, by less than 0.5 bps, and on USDT/USD, by 0.01 and 0.2 bps: there one source is left, and what
  it dealt at in the last minutes says a little more about another one than its last deal.
- BTC/EUR: one of its three venues stood some 55 bps above the others for the whole fortnight. Of two that are so far apart ours
  is the mean; `latest-weighted` takes the lower one when both are equally old, which is by luck the right one here.
- With three sources left our price is their median by construction, so that one liar moves nothing; where all three are honest,
  a rule that weighs by volume is 0.02 bps nearer.
- A gate of 10 bps is narrow: most that it drops on calm days and in the crash stood less than 0.5 % from another source.
  It costs little, since what is dropped is at the edge of those that remain, but the precision is low. Three standard deviations drop nobody
  among ten sources or fewer, liars included.
- Crypto.com's dollar book and the converted USDC book followed the coin on 11 to 13 March: they are no fair yardstick of the
  dollar then, and the shares asked at half of the hour show the hours in which they left and came back.

How far each source's word reaches in a live value stands in its derivation as `without_bps`; `chrono explain` shows it.
"""
