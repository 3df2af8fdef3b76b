/* Rows near their bounds, and the planes that bound them on a linear model: see near.py and
 * curtailment.py. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

/* Which of `rows` matter at a point, rising, in `chosen` (rows,); returns how many.
 *
 * Of the first `ends` rows one counts for itself and its partner, the one with the larger excess.
 * All whose excess is above `-near` matter, but at most `most` and at least `least` of those with a
 * bound; and `kept` more in any case. `excess` (rows,) has been computed. */
ORTSNETZ_DISPATCH
int64_t ortsnetz_limiting_near(int64_t rows, int64_t ends, int64_t most, int64_t least,
                               int64_t kept, const double *near, const double *excess,
                               const int64_t *partner, const int64_t *always, int64_t *chosen) {
    double best[64];
    int64_t at[64], found = 0, beyond = 0;
    if (most > 64) most = 64;
    for (int64_t r = 0; r < rows; r++) {
        const double own = excess[r];
        if (found == most && !(own > best[found - 1])) {
            beyond += own > -*near;
            continue;
        }
        if (!isfinite(own)) continue;
        if (r < ends) {
            const double other = excess[partner[r]];
            if (own < other || (own == other && partner[r] < r)) continue;
        }
        beyond += own > -*near;
        int64_t i = found < most ? found++ : most - 1;
        for (; i > 0 && own > best[i - 1]; i--) {
            best[i] = best[i - 1];
            at[i] = at[i - 1];
        }
        best[i] = own;
        at[i] = r;
    }
    if (beyond < found) found = beyond < least ? (least < found ? least : found) : beyond;
    for (int64_t i = 0; i < kept; i++) chosen[i] = always[i];
    int64_t count = 0;
    for (int64_t i = 0; i < kept + found; i++) { /* sorted, each once */
        const int64_t r = i < kept ? always[i] : at[i - kept];
        int64_t place = count;
        while (place > 0 && chosen[place - 1] > r) place--;
        if (place > 0 && chosen[place - 1] == r) continue;
        memmove(chosen + place + 1, chosen + place, sizeof(int64_t) * (size_t)(count - place));
        chosen[place] = r;
        count++;
    }
    return count;
}

/* Bounds that are aimed at, of some rows (count,): out (5, count) has upper, lower, weight, and how
 * far the phasors lie above and below them, weighted. A row that no control moves has no bound. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_aimed(int64_t count, int64_t controls, const int64_t *row,
                             const double *phasors, const double *slopes, const double *upper,
                             const double *lower, const double *weight, const double *high,
                             const double *lowest, const double *highest, const double *aim,
                             const double *no_influence, double *out) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t r = row[i];
        const double limit = fabs(high[r]), *s = slopes + 2 * controls * i;
        const double distance = *aim / weight[r] * (limit < 1 ? limit : 1), *z = phasors + 2 * i;
        double top = upper[r] - distance, bottom = lower[r] + distance, reach = 0;
        for (int64_t c = 0; c < controls; c++) {
            const double square = s[2 * c] * s[2 * c] + s[2 * c + 1] * s[2 * c + 1];
            reach = highest[c] > lowest[c] && square > reach ? square : reach;
        }
        if (reach <= *no_influence * *no_influence) {
            top = INFINITY;
            bottom = -INFINITY;
        }
        const double size = sqrt(z[0] * z[0] + z[1] * z[1]);
        out[i] = top;
        out[count + i] = bottom;
        out[2 * count + i] = weight[r];
        out[3 * count + i] = (size - top) * weight[r];
        out[4 * count + i] = (bottom - size) * weight[r];
    }
}

/* Planes: gradient (planes, controls) and room (planes,) for rows at `place` in the model, bounded
 * in a unit direction, from above or (where `below` is 1) from below. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_planes(int64_t planes, int64_t controls, const int64_t *place,
                              const double *direction, const uint8_t *below, const double *phasors,
                              const double *slopes, const double *point, const double *upper,
                              const double *lower, double *gradient, double *room) {
    for (int64_t i = 0; i < planes; i++) {
        const double sign = below[i] ? -1 : 1;
        const double re = sign * direction[2 * i], im = sign * direction[2 * i + 1];
        const double *z = phasors + 2 * place[i], *s = slopes + 2 * controls * place[i];
        double *g = gradient + controls * i, moved = 0;
        for (int64_t c = 0; c < controls; c++) {
            g[c] = re * s[2 * c] + im * s[2 * c + 1];
            moved += g[c] * point[c];
        }
        const double bound = below[i] ? -lower[place[i]] : upper[place[i]];
        room[i] = bound - (re * z[0] + im * z[1]) + moved;
    }
}

/* What the linear model says of `rows` at some controls: reached (rows,) complex, and how far that
 * lies beyond the upper and the lower bound and an excess, (2, rows). */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_reached(int64_t rows, int64_t controls, const double *phasors,
                               const double *slopes, const double *point, const double *to,
                               const double *upper, const double *lower, const double *weight,
                               const double *excess, double *reached, double *beyond) {
    for (int64_t i = 0; i < rows; i++) {
        const double *s = slopes + 2 * controls * i;
        double re = phasors[2 * i], im = phasors[2 * i + 1];
        for (int64_t c = 0; c < controls; c++) {
            re += s[2 * c] * (to[c] - point[c]);
            im += s[2 * c + 1] * (to[c] - point[c]);
        }
        const double size = sqrt(re * re + im * im), allowed = *excess / weight[i];
        reached[2 * i] = re;
        reached[2 * i + 1] = im;
        beyond[i] = size - upper[i] - allowed;
        beyond[rows + i] = lower[i] - size - allowed;
    }
}
