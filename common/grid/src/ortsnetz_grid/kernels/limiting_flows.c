/* Power flows of limiting from controls to the worst excess, a few scenarios in one call. */
#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "limiting_instant.h"

#define LANES 8

typedef double lane __attribute__((vector_size(8 * LANES)));

/* Bytes of memory for the two functions below. */
int64_t ortsnetz_limiting_flow_scratch(const instant *in) {
    cases all = {.loaded = in->loaded};
    for (int k = 0; k < NEUTRAL_KINDS; k++) all.injection[k] = in->base;
    const int64_t powers = (int64_t)sizeof(double) * 6 * NEUTRAL_KINDS * LANES * in->loaded;
    const int64_t flow = ortsnetz_power_flow_scratch(in->g, &all) + powers;
    const int64_t voltages = (int64_t)sizeof(lane) * 6 * in->nodes;
    return flow > voltages ? flow : voltages;
}

/* voltage (scenarios, nodes, 3) and change (scenarios, islands) of the last step, at controls
 * (scenarios, controls); the voltages of nodes outside the grid are left as they are. */
void ortsnetz_limiting_flow(const instant *in, int64_t scenarios, const double *controls,
                            int64_t most, const double *tolerance, double *voltage, double *change,
                            void *scratch) {
    const int64_t size = 6 * in->loaded;
    cases c = {.all_nodes = in->nodes, .loaded = in->loaded, .load = in->load, .unit = in->unit,
               .idle = in->idle};
    cases all = {.loaded = in->loaded};
    for (int k = 0; k < NEUTRAL_KINDS; k++) all.injection[k] = in->base;
    double *powers = (double *)((char *)scratch + ortsnetz_power_flow_scratch(in->g, &all));
    int moved[NEUTRAL_KINDS];
    for (int k = 0; k < NEUTRAL_KINDS; k++) {
        moved[k] = moves(in, k);
        if (moved[k] || stands(in, k)) c.injection[k] = in->base + size * k;
        if (!moved[k]) continue;
        c.injection[k] = powers + size * LANES * k;
        c.injection_stride[k] = size;
    }
    int32_t iterations[LANES];
    for (int64_t first = 0; first < scenarios; first += LANES) {
        const int64_t used = scenarios - first < LANES ? scenarios - first : LANES;
        for (int k = 0; k < NEUTRAL_KINDS; k++)
            for (int64_t s = 0; moved[k] && s < used; s++) {
                double *to = powers + size * (LANES * k + s);
                memcpy(to, in->base + size * k, sizeof(double) * (size_t)size);
                add_drawn(in, k, controls + (first + s) * in->controls, to);
            }
        flows f = {voltage + 6 * in->nodes * first, change + in->g->islands * first, 0, iterations};
        c.scenarios = used;
        ortsnetz_power_flow(in->g, &c, &f, 0, used, (int32_t)most, *tolerance, scratch);
    }
}

/* A functional at the voltages of all lanes. */
ORTSNETZ_INLINE void functional(const rows_of_voltages *r, int64_t f, const lane *v, lane *re,
                                lane *im) {
    lane a = {0}, b = {0};
    for (int64_t e = r->start[f]; e < r->start[f + 1]; e++) {
        const double *w = r->weight + 2 * e;
        const lane *x = v + 2 * r->column[e];
        a += w[0] * x[0] - w[1] * x[1];
        b += w[0] * x[1] + w[1] * x[0];
    }
    *re = a;
    *im = b;
}

/* Whether all magnitudes, of which the squares are given, surely lie inside their bounds by more
 * than -largest over the weight. False where one of them is not a number. */
ORTSNETZ_INLINE int bounded_within(lane square, const double *largest, double lower, double upper,
                                   double over_weight) {
    const double rounding = 1e-12;
    int inside = 1;
    for (int l = 0; l < LANES; l++) {
        const double most = upper + largest[l] * over_weight - rounding;
        const double least = lower - largest[l] * over_weight + rounding;
        inside &= most > 0 && square[l] < most * most && (least < 0 || square[l] > least * least);
    }
    return inside;
}

/* worst (scenarios,): the largest weighted distance of a row's magnitude beyond its bounds at
 * voltages (scenarios, nodes, 3); NaN where one of them is. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_worst_at(const instant *in, const rows_of_voltages *r, int64_t scenarios,
                                const double *voltage, const double *lower, const double *upper,
                                const double *weight, double *worst, void *scratch) {
    const int64_t width = 6 * in->nodes;
    lane *v = scratch;
    for (int64_t first = 0; first < scenarios; first += LANES) {
        const int64_t used = scenarios - first < LANES ? scenarios - first : LANES;
        for (int l = 0; l < LANES; l++) {
            /* the last one fills idle lanes */
            const double *from = voltage + width * (first + (l < used ? l : used - 1));
            for (int64_t i = 0; i < width; i++) v[i][l] = from[i];
        }
        double largest[LANES], flaw[LANES] = {0};
        for (int l = 0; l < LANES; l++) largest[l] = -INFINITY;
        for (int64_t row = 0; row < r->rows; row++) {
            lane re, im, size;
            functional(r, row, v, &re, &im);
            if (r->second[row] >= 0) {
                lane br, bi, of = re;
                functional(r, r->second[row], v, &br, &bi);
                lane over = r->quotient[row] ? br * br + bi * bi : (lane){0} + 1.0;
                re = (of * br + im * bi) / over;
                im = (im * br - of * bi) / over;
            }
            size = re * re + im * im;
            /* a root is dear: most rows are seen to be no worse than the worst so far without it */
            if (bounded_within(size, largest, lower[row], upper[row], 1 / weight[row])) continue;
            for (int l = 0; l < LANES; l++) {
                double z = sqrt(size[l]), above = z - upper[row], below = lower[row] - z;
                double excess = (below > above ? below : above) * weight[row];
                largest[l] = excess > largest[l] ? excess : largest[l];
                flaw[l] = excess == excess ? flaw[l] : 1.0;
            }
        }
        for (int l = 0; l < used; l++) worst[first + l] = flaw[l] > 0 ? NAN : largest[l];
    }
}
