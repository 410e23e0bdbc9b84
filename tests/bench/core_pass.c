/* The same sums as one plain pass in C, for comparison: what a careful programmer writes first.
 *
 * Per source: an age-weighted median (sorted), VWAP and TWAP; then the median and the MAD of the
 * sources, dropping, and a weighted mean. No reasons, no provenance, no checks of the input.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    double price, weight;
} Pair;

static int by_price(const void *a, const void *b) {
    double x = ((const Pair *)a)->price, y = ((const Pair *)b)->price;
    return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double *values, int n) {
    qsort(values, n, sizeof(double), by_value);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static double weighted_middle(Pair *pairs, int n) {
    double total = 0, passed = 0;
    qsort(pairs, n, sizeof(Pair), by_price);
    for (int i = 0; i < n; i++) total += pairs[i].weight;
    for (int i = 0; i < n; i++) {
        passed += pairs[i].weight;
        if (passed >= total / 2) return pairs[i].price;
    }
    return 0;
}

/* Points are in order of time; source_ids lie in 0..sources (at most 64). Returns the price. */
double core_pass(const double *prices, const double *volumes, const int64_t *times, const int64_t *ids, int n,
                 int sources, int64_t at, double half_life, double *estimates) {
    static Pair pairs[1 << 16];
    double kept[64], distance[64], sum = 0, weights = 0;
    for (int s = 0; s < sources; s++) {
        double worth = 0, volume = 0, held = 0, span = 0, last = 0, last_weight = 0;
        int count = 0;
        for (int i = 0; i < n; i++) {
            if (ids[i] != s || at - times[i] > 180000000000LL) continue;
            double weight = exp2(-(double)(at - times[i]) / half_life);
            worth += prices[i] * volumes[i] * weight;
            volume += volumes[i] * weight;
            if (count) {
                held += last * (weight - last_weight);
                span += weight - last_weight;
            }
            last = prices[i];
            last_weight = weight;
            pairs[count++] = (Pair){prices[i], weight};
        }
        held += last * (1 - last_weight);
        span += 1 - last_weight;
        estimates[s] = weighted_middle(pairs, count);
        sum += (worth / volume + held / span + 2 * estimates[s]) / 4 * last_weight;
        weights += last_weight;
    }
    for (int s = 0; s < sources; s++) kept[s] = estimates[s];
    double centre = middle(kept, sources);
    for (int s = 0; s < sources; s++) distance[s] = fabs(estimates[s] - centre);
    double reach = fmax(3 * 1.4826 * middle(distance, sources), centre / 1000);
    double price = sum / weights;
    return fmin(fmax(price, centre - reach), centre + reach);
}
