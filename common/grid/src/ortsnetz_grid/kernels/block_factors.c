/* Block factorisation of the node admittance matrix, and its solution for one right-hand side. */
#include <math.h>
#include <string.h>

#include "power_flow.h"

static void multiply(block *out, const block *a, const block *b) {
    block c;
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++) {
            double re = 0, im = 0;
            for (int k = 0; k < 3; k++) {
                double ar = a->re[3 * p + k], ai = a->im[3 * p + k];
                double br = b->re[3 * k + q], bi = b->im[3 * k + q];
                re += ar * br - ai * bi;
                im += ar * bi + ai * br;
            }
            c.re[3 * p + q] = re;
            c.im[3 * p + q] = im;
        }
    *out = c;
}

static void subtract(block *from, const block *what) {
    for (int i = 0; i < 9; i++) {
        from->re[i] -= what->re[i];
        from->im[i] -= what->im[i];
    }
}

static void scale_row(block *b, int row, double re, double im) {
    for (int q = 3 * row; q < 3 * row + 3; q++) {
        double r = b->re[q];
        b->re[q] = r * re - b->im[q] * im;
        b->im[q] = r * im + b->im[q] * re;
    }
}

static void subtract_row(block *b, int to, int from, double re, double im) {
    for (int q = 0; q < 3; q++) {
        double r = b->re[3 * from + q], i = b->im[3 * from + q];
        b->re[3 * to + q] -= r * re - i * im;
        b->im[3 * to + q] -= r * im + i * re;
    }
}

static void swap_rows(block *b, int p, int q) {
    for (int k = 0; k < 3; k++) {
        double re = b->re[3 * p + k], im = b->im[3 * p + k];
        b->re[3 * p + k] = b->re[3 * q + k];
        b->im[3 * p + k] = b->im[3 * q + k];
        b->re[3 * q + k] = re;
        b->im[3 * q + k] = im;
    }
}

/* Inverse in place by Gauss and Jordan with pivots; 0 if there is none. */
static int invert(block *a) {
    block b = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0}};
    for (int k = 0; k < 3; k++) {
        int best = k;
        double largest = 0;
        for (int p = k; p < 3; p++) {
            double size = hypot(a->re[3 * p + k], a->im[3 * p + k]);
            if (size > largest) {
                largest = size;
                best = p;
            }
        }
        if (!(largest > 0) || !isfinite(largest)) return 0;
        swap_rows(a, k, best);
        swap_rows(&b, k, best);
        double pr = a->re[4 * k] / largest, pi = a->im[4 * k] / largest;
        double re = pr / largest, im = -pi / largest;
        scale_row(a, k, re, im);
        scale_row(&b, k, re, im);
        for (int p = 0; p < 3; p++) {
            if (p == k) continue;
            double fr = a->re[3 * p + k], fi = a->im[3 * p + k];
            subtract_row(a, p, k, fr, fi);
            subtract_row(&b, p, k, fr, fi);
        }
    }
    *a = b;
    return 1;
}

/* Entry of the later node `to` in the list of `from`, or -1. */
static int32_t entry(const grid *g, int32_t from, int32_t to) {
    for (int32_t e = g->start[from]; e < g->start[from + 1]; e++)
        if (g->row[e] == to) return e;
    return -1;
}

int32_t ortsnetz_power_flow_factorise(const grid *g) {
    for (int32_t k = 0; k < g->nodes; k++) {
        if (!invert(&g->inverse[k])) return 1 + k;
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            multiply(&g->upper[e], &g->inverse[k], &g->upper[e]);
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            for (int32_t f = g->start[k]; f < g->start[k + 1]; f++) {
                int32_t i = g->row[e], j = g->row[f];
                block product;
                multiply(&product, &g->lower[e], &g->upper[f]);
                int32_t at = i == j ? 0 : entry(g, i < j ? i : j, i < j ? j : i);
                if (at < 0) return -1;
                subtract(i == j ? &g->inverse[i] : i > j ? &g->lower[at] : &g->upper[at], &product);
            }
    }
    return 0;
}

void ortsnetz_power_flow_solve(const grid *g, double *v) {
    for (int32_t k = 0; k < g->nodes; k++) {
        double t[6], *own = v + 6 * (int64_t)g->node[k];
        const block *d = g->inverse + k;
        for (int p = 0; p < 3; p++) {
            t[2 * p] = t[2 * p + 1] = 0;
            for (int q = 0; q < 3; q++) {
                double ar = d->re[3 * p + q], ai = d->im[3 * p + q];
                t[2 * p] += ar * own[2 * q] - ai * own[2 * q + 1];
                t[2 * p + 1] += ar * own[2 * q + 1] + ai * own[2 * q];
            }
        }
        memcpy(own, t, sizeof t);
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++) {
            double *to = v + 6 * (int64_t)g->node[g->row[e]];
            const block *b = g->lower + e;
            for (int i = 0; i < 9; i++) {
                int p = i / 3, q = i % 3;
                to[2 * p] -= b->re[i] * own[2 * q] - b->im[i] * own[2 * q + 1];
                to[2 * p + 1] -= b->re[i] * own[2 * q + 1] + b->im[i] * own[2 * q];
            }
        }
    }
    for (int32_t k = g->nodes - 1; k >= 0; k--) {
        double *own = v + 6 * (int64_t)g->node[k];
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++) {
            const double *x = v + 6 * (int64_t)g->node[g->row[e]];
            const block *b = g->upper + e;
            for (int i = 0; i < 9; i++) {
                int p = i / 3, q = i % 3;
                own[2 * p] -= b->re[i] * x[2 * q] - b->im[i] * x[2 * q + 1];
                own[2 * p + 1] -= b->re[i] * x[2 * q + 1] + b->im[i] * x[2 * q];
            }
        }
    }
}
