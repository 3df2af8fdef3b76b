/* What limiting computes over and over: small loops that cost more as calls of array functions.
 *
 * Complex numbers are pairs of doubles, or of floats where the name says single. All arrays are in
 * C's order. kernels/limiting.py has the same arguments and says what they mean.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

#define LANES 8

/* out (scenarios, 3 loaded) = base + sum over `count` controls of control times power (3,) at its
 * place. Control i is column `column[i]` of `controls` (scenarios, width). */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_drawn(int64_t scenarios, int64_t width, int64_t loaded, int64_t count,
                             const double *controls, const int64_t *column, const int64_t *place,
                             const double *power, const double *base, double *out) {
    const int64_t size = 6 * loaded;
    for (int64_t s = 0; s < scenarios; s++) {
        double *to = out + s * size;
        for (int64_t i = 0; i < size; i++) to[i] = base[i];
        for (int64_t i = 0; i < count; i++) {
            const double share = controls[s * width + column[i]];
            const double *drawn = power + 6 * column[i];
            double *at = to + 6 * place[i];
            for (int p = 0; p < 6; p++) at[p] += share * drawn[p];
        }
    }
}

/* Rows of voltages (scenarios, width).
 *
 * values (scenarios, functionals) = sparse matrix (start, column, weight) times the voltages.
 * phasors (scenarios, rows): the first functionals; `products` of them times the conjugate of their
 * second functional, `quotients` of them over it. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_rows(int64_t scenarios, int64_t width, int64_t functionals, int64_t rows,
                            int64_t products, int64_t quotients, const int64_t *start,
                            const int64_t *column, const double *weight, const int64_t *product,
                            const int64_t *quotient, const int64_t *second, const double *voltage,
                            double *values, double *phasors) {
    for (int64_t s = 0; s < scenarios; s++) {
        const double *v = voltage + 2 * s * width;
        double *z = values + 2 * s * functionals, *to = phasors + 2 * s * rows;
        for (int64_t f = 0; f < functionals; f++) {
            double re = 0, im = 0;
            for (int64_t e = start[f]; e < start[f + 1]; e++) {
                const double *w = weight + 2 * e, *x = v + 2 * column[e];
                re += w[0] * x[0] - w[1] * x[1];
                im += w[0] * x[1] + w[1] * x[0];
            }
            z[2 * f] = re;
            z[2 * f + 1] = im;
        }
        memcpy(to, z, sizeof(double) * 2 * (size_t)rows);
        for (int64_t i = 0; i < products + quotients; i++) {
            const int is_product = i < products;
            const int64_t r = is_product ? product[i] : quotient[i - products];
            const double *a = z + 2 * r, *b = z + 2 * second[r];
            /* a conj(b), and a / b = a conj(b) / |b|^2 */
            const double over = is_product ? 1.0 : b[0] * b[0] + b[1] * b[1];
            to[2 * r] = (a[0] * b[0] + a[1] * b[1]) / over;
            to[2 * r + 1] = (a[1] * b[0] - a[0] * b[1]) / over;
        }
    }
}

/* excess (scenarios, rows) of magnitudes beyond their bounds, weighted. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_excess(int64_t scenarios, int64_t rows, const double *phasors,
                              const double *lower, const double *upper, const double *weight,
                              double *excess) {
    for (int64_t s = 0; s < scenarios; s++) {
        const double *z = phasors + 2 * s * rows;
        double *to = excess + s * rows;
        for (int64_t r = 0; r < rows; r++) {
            double size = sqrt(z[2 * r] * z[2 * r] + z[2 * r + 1] * z[2 * r + 1]);
            double above = size - upper[r], below = lower[r] - size;
            /* what is not a number stays: a comparison with it is false */
            to[r] = (below > above ? below : above) * weight[r];
        }
    }
}

/* worst (scenarios,): the largest of each row of excess, or NaN if one of them is. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_worst(int64_t scenarios, int64_t rows, const double *phasors,
                             const double *lower, const double *upper, const double *weight,
                             double *worst) {
    for (int64_t s = 0; s < scenarios; s++) {
        const double *z = phasors + 2 * s * rows;
        double largest[LANES], flaw[LANES] = {0};
        for (int l = 0; l < LANES; l++) largest[l] = -INFINITY;
        for (int64_t first = 0; first < rows; first += LANES) {
            const int64_t left = rows - first < LANES ? rows - first : LANES;
            double excess[LANES];
            for (int l = 0; l < LANES; l++) {
                /* the last row once more where there are fewer */
                const int64_t r = first + (l < left ? l : left - 1);
                double size = sqrt(z[2 * r] * z[2 * r] + z[2 * r + 1] * z[2 * r + 1]);
                double above = size - upper[r], below = lower[r] - size;
                excess[l] = (below > above ? below : above) * weight[r];
            }
            for (int l = 0; l < LANES; l++) {
                largest[l] = excess[l] > largest[l] ? excess[l] : largest[l];
                flaw[l] = excess[l] == excess[l] ? flaw[l] : 1.0;
            }
        }
        double found = -INFINITY, flaws = 0;
        for (int l = 0; l < LANES; l++) {
            found = largest[l] > found ? largest[l] : found;
            flaws += flaw[l];
        }
        worst[s] = flaws > 0 ? NAN : found;
    }
}

/* out (rows, controls), single: sum over phases of weights (rows, 3 loaded) at the place of each
 * control times its currents (3,). */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_answers(int64_t rows, int64_t loaded, int64_t controls, const float *weights,
                               const int64_t *place, const float *currents, float *out) {
    for (int64_t j = 0; j < rows; j++) {
        for (int64_t c = 0; c < controls; c++) {
            const float *w = weights + 6 * (j * loaded + place[c]), *i = currents + 6 * c;
            float re = 0, im = 0;
            for (int p = 0; p < 3; p++) {
                re += w[2 * p] * i[2 * p] - w[2 * p + 1] * i[2 * p + 1];
                im += w[2 * p] * i[2 * p + 1] + w[2 * p + 1] * i[2 * p];
            }
            out[2 * (j * controls + c)] = re;
            out[2 * (j * controls + c) + 1] = im;
        }
    }
}

/* Devices of a table (devices, 13), see checks.py, as columns (6, devices): total, lowest, step,
 * smallest and held factor as controls.py defines them; the last column has 1 where nothing can be
 * wrong with a device, 0 where it has to be looked at. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_asked(int64_t devices, const double *table, double *columns) {
    for (int64_t d = 0; d < devices; d++) {
        const double *t = table + 13 * d, *request = t, *floor = t + 3;
        double total = 0, least = 0, phases = 0, flaw = 0;
        int draws = 0, feeds = 0, floor_draws = 0, floor_feeds = 0;
        for (int p = 0; p < 3; p++) {
            const double size = fabs(request[p]), own = fabs(floor[p]);
            const double share = size > 0 ? own / size : 0;
            total += size;
            least += own;
            phases = share > phases ? share : phases;
            draws |= request[p] > 0;
            feeds |= request[p] < 0;
            floor_draws |= floor[p] > 0;
            floor_feeds |= floor[p] < 0;
        }
        const double some = total > 0 ? total : 1;
        double lowest = least / some, smallest = t[7] / some, held = t[12] / some;
        phases = phases < 1 ? phases : 1;
        lowest = phases > lowest ? phases : lowest;
        smallest = smallest < 1 ? smallest : 1;
        if (lowest > 0 && smallest > lowest) lowest = smallest;
        columns[d] = total;
        columns[devices + d] = total > 0 && lowest < 1 ? lowest : 1;
        columns[2 * devices + d] = total > 0 ? t[6] / some : 0;
        columns[3 * devices + d] = smallest;
        columns[4 * devices + d] = total > 0 ? (held < 1 ? held : 1) : 0;
        for (int i = 0; i < 13; i++) flaw += i == 11 ? 0 : t[i] - t[i]; /* NaN where not finite */
        int sound = flaw == 0 && t[8] > 0 && t[11] > 0;
        for (int i = 6; i < 13; i++) sound &= t[i] >= 0;
        sound &= !(floor_draws && feeds) && !(floor_feeds && draws);
        columns[5 * devices + d] = sound;
    }
}
