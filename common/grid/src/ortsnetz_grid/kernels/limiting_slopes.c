/* Slopes of functionals of the voltages by controls, in single precision: see compiled_flows.py. */
#include <complex.h>
#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "limiting_instant.h"

#define WIDE 16 /* numbers of a vector; rows are padded to whole ones with 0 */

typedef float wide __attribute__((vector_size(4 * WIDE)));
typedef double complex number;

ORTSNETZ_INLINE float sum_of(wide a) {
    for (int half = WIDE / 2; half; half /= 2)
        for (int l = 0; l < half; l++) a[l] += a[l + half];
    return a[0];
}

/* Change of what the loads draw by that of the voltage: alpha dv + beta conj(dv), (loaded, 3) each,
 * real parts, then imaginary ones, `padded` numbers apart. Returns whether alpha is not nothing. */
ORTSNETZ_INLINE int feedback(const instant *in, const double *controls, const number *voltage,
                             int64_t padded, float *alpha, float *beta, double *power) {
    const int64_t count = 3 * in->loaded;
    int has_alpha = 0;
    memset(alpha, 0, sizeof(float) * (size_t)(4 * padded)); /* both */
    for (int kind = 0; kind < NEUTRAL_KINDS; kind++) {
        const double *base = in->base + 2 * count * kind;
        const int moved = moves(in, kind);
        if (!moved && !stands(in, kind)) continue;
        has_alpha |= kind > 0;
        memcpy(power, base, sizeof(double) * 2 * (size_t)count);
        if (moved) add_drawn(in, kind, controls, power);
        for (int64_t i = 0; i < count; i++) {
            const number v = voltage[3 * in->node[i / 3] + i % 3];
            const double vr = creal(v), vi = cimag(v), square = vr * vr + vi * vi;
            /* conjugate */
            double re = power[2 * i] * in->unit, im = -power[2 * i + 1] * in->unit;
            double tr = 0, ti = 0; /* times the conjugate voltage squared, or the voltage squared */
            if (kind == 0) { /* beta = -conj(power / v^2) = -conj(power) v^2 / |v|^4 */
                tr = -1 / (square * square);
            } else if (kind == 1) { /* alpha = half / |v|, beta = -half v^2 / |v|^3 */
                const double size = sqrt(square);
                re /= 2;
                im /= 2;
                alpha[i] += (float)(re / size);
                alpha[padded + i] += (float)(im / size);
                tr = -1 / (size * square);
            } else { /* alpha = conj(power) */
                alpha[i] += (float)re;
                alpha[padded + i] += (float)im;
                continue;
            }
            ti = tr * 2 * vr * vi;
            tr *= vr * vr - vi * vi;
            beta[i] += (float)(re * tr - im * ti);
            beta[padded + i] += (float)(re * ti + im * tr);
        }
    }
    return has_alpha;
}

/* Current (3,) into the network for a control at 1: what it draws, with the other sign. */
ORTSNETZ_INLINE void injected(const instant *in, int64_t c, const number *voltage, float *to) {
    const number *v = voltage + 3 * in->node[in->place[c]];
    for (int p = 0; p < 3; p++) {
        const double vr = creal(v[p]), vi = cimag(v[p]), square = vr * vr + vi * vi;
        const double re = in->power[6 * c + 2 * p] * in->unit;
        const double im = -in->power[6 * c + 2 * p + 1] * in->unit;
        const double over =
            in->kind[c] == 0 ? square : in->kind[c] == 1 ? sqrt(square) : 1.0;
        to[2 * p] = (float)(-(re * vr - im * vi) / over);
        to[2 * p + 1] = (float)(-(re * vi + im * vr) / over);
    }
}

/* Two rows of the first times two rows of the second, complex and not conjugate: what the loads'
 * feedback takes from slopes (rows, controls), at `column` of each. */
ORTSNETZ_INLINE void subtract(const float *weights, const float *more, int64_t padded, int64_t rows,
                              int64_t columns, int64_t j, int64_t c, const int64_t *column,
                              int64_t controls, double *out) {
    wide re[2][2] = {0}, im[2][2] = {0};
    const int64_t to_j = j + 1 < rows ? 2 * padded : 0, to_c = c + 1 < columns ? 2 * padded : 0;
    for (int64_t i = 0; i < padded; i += WIDE) {
        wide w[2][2], m[2][2];
        for (int k = 0; k < 2; k++)
            for (int part = 0; part < 2; part++) {
                memcpy(&w[k][part], weights + 2 * padded * j + to_j * k + padded * part + i, sizeof(wide));
                memcpy(&m[k][part], more + 2 * padded * c + to_c * k + padded * part + i, sizeof(wide));
            }
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++) {
                re[a][b] += w[a][0] * m[b][0];
                im[a][b] += w[a][0] * m[b][1];
                re[a][b] -= w[a][1] * m[b][1];
                im[a][b] += w[a][1] * m[b][0];
            }
    }
    for (int a = 0; a < 2 && j + a < rows; a++)
        for (int b = 0; b < 2 && c + b < columns; b++) {
            double *to = out + 2 * ((j + a) * controls + column[c + b]);
            to[0] -= sum_of(re[a][b]);
            to[1] -= sum_of(im[a][b]);
        }
}

/* Floats of memory that the function below needs. */
int64_t ortsnetz_limiting_slopes_scratch(int64_t loaded, int64_t rows, int64_t columns) {
    const int64_t padded = (3 * loaded + WIDE - 1) / WIDE * WIDE;
    return 2 * padded * (2 + rows + columns) + 2 * 6 * loaded + 8 * columns;
}

/* Slopes of a product with the conjugate of a second functional, or of a quotient by it, from those
 * of the two; in place of the first. */
ORTSNETZ_INLINE void combine(const double *first, const double *second, int quotient,
                             int64_t controls, double *slope, const double *other) {
    const double square = second[0] * second[0] + second[1] * second[1];
    for (int64_t c = 0; c < controls; c++) {
        double *a = slope + 2 * c, re, im;
        const double *b = other + 2 * c;
        if (!quotient) { /* da conj(z) + w conj(db) */
            re = a[0] * second[0] + a[1] * second[1] + first[0] * b[0] + first[1] * b[1];
            im = a[1] * second[0] - a[0] * second[1] + first[1] * b[0] - first[0] * b[1];
        } else { /* (da - w / z db) / z */
            const double qr = (first[0] * second[0] + first[1] * second[1]) / square;
            const double qi = (first[1] * second[0] - first[0] * second[1]) / square;
            const double dr = a[0] - (qr * b[0] - qi * b[1]), di = a[1] - (qr * b[1] + qi * b[0]);
            re = (dr * second[0] + di * second[1]) / square;
            im = (di * second[0] - dr * second[1]) / square;
        }
        a[0] = re;
        a[1] = im;
    }
}

/* out (rows, controls) complex: derivative of functionals by the controls. The first `wanted` are
 * those of the rows `row`; those of their second functionals follow, and are put into them.
 * `values` (functionals,) complex at the point.
 *
 * `kept` (slots, 3 loaded) complex single: answers of functionals to currents; row j is at slot[j].
 * `moved` (columns, 3, 2, padded) single: voltages of the loaded nodes for currents at the place of
 * each control of `column`, real parts, then imaginary ones. */
ORTSNETZ_DISPATCH
void ortsnetz_limiting_slopes(const instant *in, const rows_of_voltages *r, int64_t wanted,
                              int64_t rows, int64_t columns, const int64_t *row,
                              const double *values, const int64_t *slot, const int64_t *column, const float *kept, const float *moved,
                              const double *voltage, const double *controls, float *scratch,
                              double *out) {
    const int64_t count = 3 * in->loaded, padded = (count + WIDE - 1) / WIDE * WIDE;
    const number *v = (const number *)voltage;
    float *weights = scratch, *more = weights + 2 * padded * rows;
    float *alpha = more + 2 * padded * columns, *beta = alpha + 2 * padded;
    float *currents = beta + 2 * padded;
    const int has_alpha =
        feedback(in, controls, v, padded, alpha, beta, (double *)(currents + 8 * columns));
    memset(out, 0, sizeof(double) * 2 * (size_t)(rows * in->controls));
    memset(weights, 0, sizeof(float) * 2 * (size_t)(padded * rows));
    for (int64_t j = 0; j < rows; j++) {
        const float *from = kept + 2 * count * slot[j];
        float *to = weights + 2 * padded * j;
        for (int64_t i = 0; i < count; i++) {
            to[i] = from[2 * i];
            to[padded + i] = from[2 * i + 1];
        }
    }
    /* who asks for nothing is left out */
    int64_t drawing = 0, *of = (int64_t *)(currents + 6 * columns);
    for (int64_t all = 0; all < columns; all++) {
        const int64_t c = drawing;
        float *current = currents + 6 * c;
        injected(in, column[all], v, current);
        int draws[3], any = 0;
        for (int p = 0; p < 3; p++) any |= draws[p] = current[2 * p] != 0 || current[2 * p + 1] != 0;
        if (!any) continue;
        of[drawing++] = column[all];
        const float *m = moved + 6 * padded * all;
        float *to = more + 2 * padded * c;
        for (int64_t i = 0; i < padded; i += WIDE) {
            wide dr = {0}, di = {0}, re, im, b[2];
            for (int p = 0; p < 3; p++) {
                if (!draws[p]) continue;
                memcpy(&re, m + 2 * padded * p + i, sizeof re);
                memcpy(&im, m + 2 * padded * p + padded + i, sizeof im);
                dr += current[2 * p] * re - current[2 * p + 1] * im;
                di += current[2 * p] * im + current[2 * p + 1] * re;
            }
            memcpy(&b[0], beta + i, sizeof(wide));
            memcpy(&b[1], beta + padded + i, sizeof(wide));
            re = dr * b[0] + di * b[1];
            im = dr * b[1] - di * b[0];
            if (has_alpha) {
                memcpy(&b[0], alpha + i, sizeof(wide));
                memcpy(&b[1], alpha + padded + i, sizeof(wide));
                re += dr * b[0] - di * b[1];
                im += dr * b[1] + di * b[0];
            }
            memcpy(to + i, &re, sizeof re);
            memcpy(to + padded + i, &im, sizeof im);
        }
        const int64_t at = 3 * in->place[column[all]];
        for (int64_t j = 0; j < rows; j++) {
            const float *w = weights + 2 * padded * j + at;
            float re = 0, im = 0;
            for (int p = 0; p < 3; p++) {
                re += w[p] * current[2 * p] - w[padded + p] * current[2 * p + 1];
                im += w[p] * current[2 * p + 1] + w[padded + p] * current[2 * p];
            }
            double *to_out = out + 2 * (j * in->controls + column[all]);
            to_out[0] = re;
            to_out[1] = im;
        }
    }
    for (int64_t j = 0; j < rows; j += 2)
        for (int64_t c = 0; c < drawing; c += 2)
            subtract(weights, more, padded, rows, drawing, j, c, of, in->controls, out);
    double *other = out + 2 * wanted * in->controls;
    for (int64_t j = 0; j < wanted; j++) {
        const int64_t second = r->second[row[j]];
        if (second < 0) continue;
        combine(values + 2 * row[j], values + 2 * second, r->quotient[row[j]] != 0, in->controls,
                out + 2 * j * in->controls, other);
        other += 2 * in->controls;
    }
}
