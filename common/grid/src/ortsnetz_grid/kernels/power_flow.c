/* Fixed-point current injection (implicit Z-bus) for eight scenarios at once.
 *
 * A scenario is a lane of a vector of 8 doubles, real and imaginary parts apart, so that the
 * matrices are shared by the lanes and nothing is shuffled.
 */
#include <math.h>
#include <string.h>

#include "dispatch.h"
#include "power_flow.h"

#define LANES 8

typedef double lane __attribute__((vector_size(8 * LANES)));
typedef int64_t mask __attribute__((vector_size(8 * LANES)));

/* Three phases of a node, all lanes. */
typedef struct {
    lane re[3], im[3];
} phasor;

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

/* Complex triples of eight scenarios, real and imaginary parts times a factor. */
ORTSNETZ_INLINE void gather(phasor *to, const double *const *from, int64_t at, double re, double im) {
    for (int p = 0; p < 3; p++) {
        for (int l = 0; l < LANES; l++) to->re[p][l] = re * from[l][at + 2 * p];
        for (int l = 0; l < LANES; l++) to->im[p][l] = im * from[l][at + 2 * p + 1];
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

/* Voltages of the passive nodes, and, if wanted, what the last step left of the power balance. */
ORTSNETZ_INLINE void finish(const grid *g, const cases *c, const memory *m, int wanted) {
    for (int32_t i = 0; i < g->islands; i++) m->mismatch[i] = (lane){0};
    for (int32_t k = g->passive - 1; k >= 0; k--) {
        phasor x;
        memset(&x, 0, sizeof x);
        for (int32_t e = g->start[k]; e < g->start[k + 1]; e++)
            subtract_product(&x, g->upper + e, m->x + g->row[e]);
        m->x[k] = x;
    }
    if (!wanted) return;
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
        for (int64_t i = 0; i < c->loaded; i++) gather(m->power[kind] + i, from, 6 * i, c->unit, -c->unit);
    }
    for (int l = 0; l < LANES; l++) from[l] = c->idle + scenario[l] * c->idle_stride;
    for (int32_t k = 0; k < g->nodes; k++) gather(m->idle + k, from, 6 * (int64_t)g->node[k], 1.0, 1.0);
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
    finish(g, c, m, f->mismatch != 0);

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
            if (f->mismatch) f->mismatch[scenario[l] * g->islands + i] = sqrt(m->mismatch[i][l]);
        }
    }
}

ORTSNETZ_DISPATCH
void ortsnetz_power_flow(const grid *g, const cases *c, const flows *f, int64_t first,
                         int64_t count, int32_t most, double tolerance, void *scratch) {
    memory m = divide(g, c, scratch);
    for (int64_t at = first; at < first + count; at += LANES) {
        int64_t left = first + count - at;
        solve_group(g, c, &m, f, at, left < LANES ? (int)left : LANES, most, tolerance);
    }
}
