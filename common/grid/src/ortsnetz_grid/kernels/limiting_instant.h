/* What the kernels of limiting share: one instant with its controls, rows, bounds on them.
 *
 * Complex numbers are pairs of doubles. kernels/limiting_instant.py has the same structures and says
 * more.
 */
#ifndef ORTSNETZ_LIMITING_INSTANT_H
#define ORTSNETZ_LIMITING_INSTANT_H

#include "power_flow.h"

#define NEUTRAL_KINDS 3 /* power, current, impedance to neutral */

typedef struct {
    const grid *g;
    int64_t nodes, loaded, controls;
    const int32_t *load;  /* see `cases` */
    const int64_t *node;  /* (loaded,) row of each loaded node */
    const int64_t *kind;  /* (controls,) how its power depends on the voltage */
    const int64_t *place; /* (controls,) its loaded node, -1 for none */
    const double *power;  /* (controls, 3) complex that it draws at 1 */
    const double *base;   /* (NEUTRAL_KINDS, loaded, 3) complex that is drawn beside it */
    const double *idle;   /* (nodes, 3) complex voltages without load */
    double unit;          /* per unit of what powers count in */
} instant;

typedef struct {
    int64_t rows;
    const int64_t *start, *column; /* (functionals + 1,), (entries,) */
    const double *weight;          /* (entries,) complex */
    const int64_t *second;         /* (rows,) second functional, -1 for none */
    const int64_t *quotient;       /* (rows,) whether it is divided by; else its conjugate is a factor */
} rows_of_voltages;

/* Powers (3,) of one kind at one loaded node's controls are added to `to` (loaded, 3). */
static inline void add_drawn(const instant *in, int64_t kind, const double *controls, double *to) {
    for (int64_t c = 0; c < in->controls; c++) {
        if (in->kind[c] != kind || in->place[c] < 0) continue;
        const double share = controls[c], *drawn = in->power + 6 * c;
        double *at = to + 6 * in->place[c];
        for (int p = 0; p < 6; p++) at[p] += share * drawn[p];
    }
}

/* Whether any control, or anything beside them, draws power of a kind. */
static inline int moves(const instant *in, int64_t kind) {
    for (int64_t c = 0; c < in->controls; c++)
        if (in->kind[c] == kind && in->place[c] >= 0) return 1;
    return 0;
}

static inline int stands(const instant *in, int64_t kind) {
    const double *base = in->base + 6 * in->loaded * kind;
    for (int64_t i = 0; i < 6 * in->loaded; i++)
        if (base[i] != 0) return 1;
    return 0;
}

#endif
