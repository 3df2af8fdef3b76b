/* The largest common level of devices between planes: see functions/congestion/programme.py.
 *
 * At a given level the least excess is a small quadratic programme. Mostly a single plane decides
 * it, and then its solution is a formula. Whether that is so is checked; if not, the caller's solver
 * has to go on.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

#define REFINED 6     /* times; the price hardly depends on the excess */
#define EXACT 1e-9    /* by which another plane may be exceeded */

/* Least square of the excess and the distances from the wishes, with only plane (gradient, room,
 * softness) to keep; the excess, which may be negative, at *price of the plane. */
ORTSNETZ_INLINE double alone(int64_t count, const double *gradient, double room, double softness,
                             const double *weight, const double *wish, const double *lowest,
                             const double *highest, double excess_price, double *x, double *price) {
    double excess = 0;
    for (int i = 0; i < REFINED; i++) {
        double sum = -room;
        *price = (excess_price + excess) / softness;
        for (int64_t c = 0; c < count; c++) {
            double at = wish[c] - *price * gradient[c] / (2 * weight[c]);
            at = at < highest[c] ? at : highest[c];
            x[c] = at > lowest[c] ? at : lowest[c];
            sum += gradient[c] * x[c];
        }
        if (sum / softness == excess) break;
        excess = sum / softness;
    }
    return excess;
}

/* The plane that is exceeded most where everybody does the best for it. */
ORTSNETZ_INLINE int64_t worst_plane(int64_t planes, int64_t count, const double *gradient,
                                    const double *room, const double *softness,
                                    const double *lowest, const double *highest) {
    int64_t worst = 0;
    double most = -INFINITY;
    for (int64_t j = 0; j < planes; j++) {
        const double *g = gradient + j * count;
        double sum = -room[j];
        for (int64_t c = 0; c < count; c++) sum += g[c] * (g[c] > 0 ? lowest[c] : highest[c]);
        sum /= softness[j];
        if (!(sum > most)) continue;
        most = sum;
        worst = j;
    }
    return worst;
}

/* Whether a point exceeds no plane by more than the excess, and a rounding. */
ORTSNETZ_INLINE int keeps(int64_t planes, int64_t count, const double *gradient, const double *room,
                          const double *softness, const double *x, double excess) {
    for (int64_t j = 0; j < planes; j++) {
        double sum = -room[j];
        for (int64_t c = 0; c < count; c++) sum += gradient[j * count + c] * x[c];
        if (!(sum <= (excess + EXACT) * softness[j])) return 0;
    }
    return 1;
}

/* Comes down from *height to the largest level of the devices that are free at which the excess is
 * at most `tolerance`. Returns 1 where it is found, 0 where there is none, and -1 where more than
 * one plane decides at *height, or steps are used up. price (planes,) and pressed (count,) are of
 * the last level that was too high, and are left as they are where there was none. `scratch` has
 * room for 2 count numbers. */
ORTSNETZ_DISPATCH
int64_t ortsnetz_limiting_level(int64_t planes, int64_t count, int64_t steps, const double *gradient,
                                const double *room, const double *softness, const double *weight,
                                const double *wish, const double *lowest, const double *highest,
                                const double *free, const double *excess_price,
                                const double *tolerance, double *scratch, double *price,
                                double *pressed, double *height, int64_t *used) {
    double *at_least = scratch, *x = scratch + count;
    for (*used = 0; *used < steps; ++*used) {
        for (int64_t c = 0; c < count; c++) {
            double raised = *height > lowest[c] ? *height : lowest[c];
            raised = raised < highest[c] ? raised : highest[c];
            at_least[c] = free[c] > 0 ? raised : lowest[c];
        }
        const int64_t j = worst_plane(planes, count, gradient, room, softness, at_least, highest);
        const double *g = gradient + j * count;
        double own;
        const double excess = alone(count, g, room[j], softness[j], weight, wish, at_least, highest,
                                    *excess_price, x, &own);
        if (!keeps(planes, count, gradient, room, softness, x, excess > 0 ? excess : 0)) return -1;
        if (excess <= *tolerance) return 1;
        double slope = 0;
        for (int64_t c = 0; c < count; c++) {
            double push = own * g[c] + 2 * weight[c] * (x[c] - wish[c]);
            const int counts = free[c] > 0 && at_least[c] > lowest[c] && x[c] == at_least[c];
            pressed[c] = counts && push > 0 ? push : 0;
            slope += pressed[c];
        }
        slope /= *excess_price;
        if (!(slope > 0)) return 0;
        memset(price, 0, sizeof(double) * (size_t)planes);
        price[j] = own;
        const double down = excess / slope;
        *height -= down > *tolerance ? down : *tolerance;
    }
    return -1;
}
