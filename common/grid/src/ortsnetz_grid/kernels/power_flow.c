/* Three-phase power flow: block factorisation of the node admittance matrix and fixed-point current
 * injection (implicit Z-bus) for eight scenarios at once.
 *
 * The matrix has 3x3 complex blocks and a symmetric structure. Nodes are numbered in the order of
 * their elimination; start/row list, for each node, its later neighbours after fill-in. The first
 * `passive` nodes carry no injection: an iteration does not touch them, because their right-hand
 * side is nothing; their voltages follow at the end.
 *
 * A scenario is a lane of a vector of 8 doubles, real and imaginary parts apart, so that the
 * matrices are shared by the lanes and nothing is shuffled.
 */
#include <math.h>
#include <string.h>

#include "dispatch.h"

#define LANES 8
#define KINDS 6 /* power, current, impedance to neutral, then between phases */

typedef double lane __attribute__((vector_size(8 * LANES)));
typedef int64_t mask __attribute__((vector_size(8 * LANES)));

/* Three phases of a node, all lanes. */
typedef struct {
    lane re[3], im[3];
} phasor;

/* A 3x3 complex block, shared by the lanes. */
typedef struct {
    double re[9], im[9];
} block;

typedef struct {
    int32_t nodes, passive, islands;
    const int32_t *start, *row; /* (nodes + 1,), (entries,) */
    const int32_t *node;        /* (nodes,) row in the caller's arrays */
    const int32_t *island;      /* (nodes,) number of the connected part */
    block *inverse;             /* (nodes,) own blocks; inverse pivots after the factorisation */
    block *lower, *upper;       /* (entries,) see ortsnetz_factorise */
} grid;

typedef struct {
    int64_t scenarios, all_nodes, loaded;
    const int32_t *load;                      /* (nodes,) place of the node's injection, or -1 */
    const double *injection[KINDS];           /* (scenarios, loaded, 3) complex, per unit, or NULL */
    int64_t injection_stride[KINDS];          /* doubles from scenario to scenario; 0: all alike */
    const double *idle;                       /* (scenarios, all_nodes, 3) voltages without load */
    int64_t idle_stride;
} cases;

typedef struct {
    double *voltage;    /* (scenarios, all_nodes, 3) complex */
    double *change;     /* (scenarios, islands) largest change of a voltage in the last step */
    double *mismatch;   /* (scenarios, islands) largest power mismatch of a phase */
    int32_t *iterations; /* (scenarios,) */
} flows;

/* ---- factorisation ------------------------------------------------------------------------- */

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

/* Factorise in place.
 *
 * In: inverse[k] is the block (k, k), lower[e] the block (row[e], k), upper[e] the block
 * (k, row[e]). Out: the inverse of the pivot; the block under it, at that stage; the block right of
 * it, times the inverse pivot. Returns 0, or 1 + the number of the node whose pivot is singular, or
 * -1 if an entry is missing that elimination makes.
 */
int32_t ortsnetz_factorise(const grid *g) {
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

/* ---- lanes ---------------------------------------------------------------------------------- */

/* Comparisons of whole lanes would be taken apart by the compiler: what follows does without. */

/* The larger of two, up to rounding; what is not a number stays. */
ORTSNETZ_INLINE lane larger(lane a, lane b) {
    const int64_t no_sign = INT64_MAX;
    lane difference = a - b;
    return 0.5 * (a + b + (lane)((mask)difference & no_sign));
}

/* Move to a new value in the lanes where `live` is 1; where it is 0 nothing changes. */
ORTSNETZ_INLINE void move(lane *from, lane to, lane live) { *from += live * (to - *from); }

/* to -= m x */
ORTSNETZ_INLINE void subtract_product(phasor *to, const block *m, const phasor *x) {
    for (int p = 0; p < 3; p++) {
        lane re = to->re[p], im = to->im[p];
        for (int q = 0; q < 3; q++) {
            re -= m->re[3 * p + q] * x->re[q];
            im -= m->re[3 * p + q] * x->im[q];
            re += m->im[3 * p + q] * x->im[q];
            im -= m->im[3 * p + q] * x->re[q];
        }
        to->re[p] = re;
        to->im[p] = im;
    }
}

/* out = m x */
ORTSNETZ_INLINE void product(phasor *out, const block *m, const phasor *x) {
    for (int p = 0; p < 3; p++) {
        lane re = m->re[3 * p] * x->re[0] - m->im[3 * p] * x->im[0];
        lane im = m->re[3 * p] * x->im[0] + m->im[3 * p] * x->re[0];
        for (int q = 1; q < 3; q++) {
            re += m->re[3 * p + q] * x->re[q];
            im += m->re[3 * p + q] * x->im[q];
            re -= m->im[3 * p + q] * x->im[q];
            im += m->im[3 * p + q] * x->re[q];
        }
        out->re[p] = re;
        out->im[p] = im;
    }
}

/* Conjugate admittance that draws power, current magnitude and power of an impedance at v;
 * `nominal` is the squared voltage at which the three hold. */
ORTSNETZ_INLINE void admittance(
    lane *re, lane *im, lane vr, lane vi, double nominal, const phasor *const *s, int p) {
    lane square = vr * vr + vi * vi;
    *re = (lane){0};
    *im = (lane){0};
    if (s[0]) {
        lane w = 1.0 / square;
        *re += s[0]->re[p] * w;
        *im += s[0]->im[p] * w;
    }
    if (s[1]) {
        lane w = square * nominal, root;
        for (int l = 0; l < LANES; l++) root[l] = sqrt(w[l]);
        *re += s[1]->re[p] / root;
        *im += s[1]->im[p] / root;
    }
    if (s[2]) {
        *re += s[2]->re[p] / nominal;
        *im += s[2]->im[p] / nominal;
    }
}

/* Current out of the network at a node, from its injections of all kinds (conjugate powers). */
ORTSNETZ_INLINE void drawn(phasor *i, const phasor *v, const phasor *const *s) {
    for (int p = 0; p < 3; p++) i->re[p] = i->im[p] = (lane){0};
    if (s[0] || s[1] || s[2])
        for (int p = 0; p < 3; p++) {
            lane re, im;
            admittance(&re, &im, v->re[p], v->im[p], 1.0, s, p);
            i->re[p] = v->re[p] * re - v->im[p] * im;
            i->im[p] = v->re[p] * im + v->im[p] * re;
        }
    if (s[3] || s[4] || s[5])
        for (int p = 0; p < 3; p++) {
            int q = (p + 1) % 3;
            lane vr = v->re[p] - v->re[q], vi = v->im[p] - v->im[q], re, im;
            admittance(&re, &im, vr, vi, 3.0, s + 3, p);
            lane ir = vr * re - vi * im, ii = vr * im + vi * re;
            i->re[p] += ir;
            i->im[p] += ii;
            i->re[q] -= ir;
            i->im[q] -= ii;
        }
}

/* ---- one group of scenarios ----------------------------------------------------------------- */

/* Memory of a group; its size is ortsnetz_power_flow_scratch. */
typedef struct {
    phasor *idle, *x, *y;  /* (nodes,) voltage without load, change through load, right-hand side */
    phasor *current;       /* (loaded,) of the last step */
    phasor *power[KINDS];  /* (loaded,) conjugate */
    lane *change, *next, *mismatch; /* (islands,) squared; `next` is of the step under way */
} memory;

int64_t ortsnetz_power_flow_scratch(const grid *g, const cases *c) {
    int64_t kinds = 0;
    for (int k = 0; k < KINDS; k++) kinds += c->injection[k] != 0;
    return (int64_t)sizeof(phasor) * (3 * g->nodes + (1 + kinds) * c->loaded) +
           (int64_t)sizeof(lane) * 3 * g->islands;
}

static memory divide(const grid *g, const cases *c, void *scratch) {
    memory m = {0};
    phasor *next = scratch;
    m.idle = next;
    m.x = next += g->nodes;
    m.y = next += g->nodes;
    m.current = next += g->nodes;
    next += c->loaded;
    for (int k = 0; k < KINDS; k++)
        if (c->injection[k]) {
            m.power[k] = next;
            next += c->loaded;
        }
    m.change = (lane *)next;
    m.next = m.change + g->islands;
    m.mismatch = m.next + g->islands;
    return m;
}

/* Gather `count` complex triples of eight scenarios; `from` points at the first one's. */
ORTSNETZ_INLINE void gather(phasor *to, const double *const *from, int64_t at, double sign) {
    for (int p = 0; p < 3; p++) {
        for (int l = 0; l < LANES; l++) to->re[p][l] = from[l][at + 2 * p];
        for (int l = 0; l < LANES; l++) to->im[p][l] = sign * from[l][at + 2 * p + 1];
    }
}

ORTSNETZ_INLINE void injections_at(
    const phasor **s, const memory *m, int32_t load) {
    for (int k = 0; k < KINDS; k++) s[k] = m->power[k] ? m->power[k] + load : 0;
}

ORTSNETZ_INLINE void sum(phasor *out, const phasor *a, const phasor *b) {
    for (int p = 0; p < 3; p++) {
        out->re[p] = a->re[p] + b->re[p];
        out->im[p] = a->im[p] + b->im[p];
    }
}

/* From the leaves to the sources: currents at the present voltages, eliminated node by node. */
ORTSNETZ_INLINE void forward(const grid *g, const cases *c, const memory *m, lane live) {
    memset(m->y + g->passive, 0, sizeof(phasor) * (size_t)(g->nodes - g->passive));
    for (int32_t k = g->passive; k < g->nodes; k++) {
        phasor right = m->y[k], t;
        int32_t load = c->load[k];
        if (load >= 0) {
            const phasor *s[KINDS];
            phasor v, i, *last = m->current + load;
            injections_at(s, m, load);
            sum(&v, m->idle + k, m->x + k);
            drawn(&i, &v, s);
            for (int p = 0; p < 3; p++) {
                right.re[p] -= i.re[p];
                right.im[p] -= i.im[p];
                move(&last->re[p], i.re[p], live);
                move(&last->im[p], i.im[p], live);
            }
        }
        product(&t, g->inverse + k, &right);
        m->y[k] = t;
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            subtract_product(m->y + g->row[e], g->lower + e, &t);
    }
}

/* From the sources to the leaves: the new voltages of lanes that are still on their way. What
 * counts as change is that of the nodes with injections: those between them follow linearly. */
ORTSNETZ_INLINE void backward(const grid *g, const cases *c, const memory *m, lane live) {
    for (int32_t i = 0; i < g->islands; i++) m->next[i] = (lane){0};
    for (int32_t k = g->nodes - 1; k >= g->passive; k--) {
        phasor x = m->y[k], *before = m->x + k;
        lane largest = {0};
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            subtract_product(&x, g->upper + e, m->x + g->row[e]);
        for (int p = 0; p < 3; p++) {
            lane re = x.re[p] - before->re[p], im = x.im[p] - before->im[p];
            largest = larger(re * re + im * im, largest);
            before->re[p] += live * re;
            before->im[p] += live * im;
        }
        if (c->load[k] < 0) continue;
        lane *change = m->next + g->island[k];
        *change = larger(*change, largest);
    }
    for (int32_t i = 0; i < g->islands; i++) move(m->change + i, m->next[i], live);
}

/* Stop lanes in which every part has settled or failed; how many are still on their way. */
ORTSNETZ_INLINE int stop_settled(const grid *g, const memory *m, lane *live, double tolerance) {
    int on_their_way = 0;
    double least = tolerance * tolerance;
    for (int l = 0; l < LANES; l++) {
        int moves = 0;
        for (int32_t i = 0; i < g->islands; i++)
            moves |= m->change[i][l] > least && m->change[i][l] < 1e6;
        if (!moves) (*live)[l] = 0;
        on_their_way += (*live)[l] != 0;
    }
    return on_their_way;
}

/* Voltages of the passive nodes, and what the last step left of the power balance. */
ORTSNETZ_INLINE void finish(const grid *g, const cases *c, const memory *m) {
    for (int32_t i = 0; i < g->islands; i++) m->mismatch[i] = (lane){0};
    for (int32_t k = g->passive - 1; k >= 0; k--) {
        phasor x;
        memset(&x, 0, sizeof x);
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            subtract_product(&x, g->upper + e, m->x + g->row[e]);
        m->x[k] = x;
    }
    for (int32_t k = g->passive; k < g->nodes; k++) {
        int32_t load = c->load[k];
        if (load < 0) continue;
        const phasor *s[KINDS], *last = m->current + load;
        phasor v, i;
        injections_at(s, m, load);
        sum(&v, m->idle + k, m->x + k);
        drawn(&i, &v, s);
        lane *mismatch = m->mismatch + g->island[k];
        for (int p = 0; p < 3; p++) {
            lane re = i.re[p] - last->re[p], im = i.im[p] - last->im[p];
            lane volt = v.re[p] * v.re[p] + v.im[p] * v.im[p];
            *mismatch = larger(*mismatch, volt * (re * re + im * im));
        }
    }
}

/* Scenarios first .. first + used - 1, used at most LANES; the last one fills idle lanes. */
ORTSNETZ_INLINE void solve_group(const grid *g, const cases *c, const memory *m, const flows *f,
                                 int64_t first, int used, int32_t most, double tolerance) {
    const double *from[LANES];
    int64_t scenario[LANES];
    for (int l = 0; l < LANES; l++) scenario[l] = first + (l < used ? l : used - 1);
    for (int kind = 0; kind < KINDS; kind++) {
        if (!m->power[kind]) continue;
        for (int l = 0; l < LANES; l++)
            from[l] = c->injection[kind] + scenario[l] * c->injection_stride[kind];
        for (int64_t i = 0; i < c->loaded; i++) gather(m->power[kind] + i, from, 6 * i, -1.0);
    }
    for (int l = 0; l < LANES; l++) from[l] = c->idle + scenario[l] * c->idle_stride;
    for (int32_t k = 0; k < g->nodes; k++) gather(m->idle + k, from, 6 * (int64_t)g->node[k], 1.0);
    memset(m->x, 0, sizeof(phasor) * (size_t)g->nodes);
    memset(m->current, 0, sizeof(phasor) * (size_t)c->loaded);
    for (int32_t i = 0; i < g->islands; i++) m->change[i] = (lane){0};

    lane live = (lane){0} + 1.0, steps = {0};
    int on_their_way = LANES;
    for (int32_t step = 0; step < most && on_their_way; step++) {
        steps += live;
        forward(g, c, m, live);
        backward(g, c, m, live);
        on_their_way = stop_settled(g, m, &live, tolerance);
    }
    finish(g, c, m);

    for (int32_t k = 0; k < g->nodes; k++) {
        phasor v;
        sum(&v, m->idle + k, m->x + k);
        for (int l = 0; l < used; l++) {
            double *to = f->voltage + 6 * (scenario[l] * c->all_nodes + g->node[k]);
            for (int p = 0; p < 3; p++) {
                to[2 * p] = v.re[p][l];
                to[2 * p + 1] = v.im[p][l];
            }
        }
    }
    for (int l = 0; l < used; l++) {
        f->iterations[scenario[l]] = (int32_t)steps[l];
        for (int32_t i = 0; i < g->islands; i++) {
            f->change[scenario[l] * g->islands + i] = sqrt(m->change[i][l]);
            f->mismatch[scenario[l] * g->islands + i] = sqrt(m->mismatch[i][l]);
        }
    }
}

/* Scenarios first .. first + count - 1; `scratch` is 64-byte aligned and this thread's own. */
ORTSNETZ_DISPATCH
void ortsnetz_power_flow(const grid *g, const cases *c, const flows *f, int64_t first,
                         int64_t count, int32_t most, double tolerance, void *scratch) {
    memory m = divide(g, c, scratch);
    for (int64_t at = first; at < first + count; at += LANES) {
        int64_t left = first + count - at;
        solve_group(g, c, &m, f, at, left < LANES ? (int)left : LANES, most, tolerance);
    }
}

/* Solve Y v = i for one right-hand side (all_nodes, 3) complex, in place; all nodes may carry it. */
void ortsnetz_block_solve(const grid *g, double *v) {
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
