/* Networks, measurements and memory of the kernel of state estimation: see estimation.c. */
#ifndef ORTSNETZ_ESTIMATION_H
#define ORTSNETZ_ESTIMATION_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

enum { SIZE = 12, HALF = 6, WIDE = 8, BLOCK = SIZE * SIZE };
enum { POWER_FROM = 0, POWER_TO = 1, SHUNT = 2, CURRENT_FROM = 5, CURRENT_TO = 6 };
enum { LOCAL_FROM = 7, LOCAL_TO = 8, SIZE_FROM = 9, SIZE_TO = 10 };
enum { CONVERGED = 0, SINGULAR = 1, DIVERGED = 2 };

typedef struct {
    double re, im;
} complex_t;

/* A network that is constant while its topology is; nodes are in the order of elimination. */
typedef struct {
    int32_t nodes, links;
    const int32_t *start;      /* (nodes + 1) first link of each node's column */
    const int32_t *row;        /* (links) the later node of each pair, rising within a column */
    const int32_t *pair;       /* links between the rows of a column: all a < b, columns in order */
    const int32_t *pair_start; /* (nodes) first entry of each column in `pair` */
    const complex_t *own; /* (nodes, 3, 3) current into the network at a node for its voltage */
    const complex_t *low; /* (links, 3, 3) current at the row's node for the column's voltage */
    const complex_t *up;  /* (links, 3, 3) current at the column's node for the row's voltage */
} grid_t;

typedef struct {
    const complex_t *injection;       /* (nodes, 3) complex power into the network */
    const double *injection_variance; /* (nodes, 2, 3) 0 is exact, infinite is unknown */
    const double *reach;              /* (nodes) standard deviation of a current nobody knows */
    const double *magnitude;          /* (nodes, 3) */
    const double *magnitude_weight;   /* (nodes, 3) inverse variance, 0 is not measured */
    const double *angle;              /* (nodes, 3) rad */
    const double *angle_weight;       /* (nodes, 3) */
    int32_t flows;
    const int32_t *kind;          /* (flows) */
    const int32_t *at;            /* (flows) node where it is measured */
    const int32_t *other;         /* (flows) node at the other end, -1 without */
    const int32_t *link;          /* (flows) their link, -1 without */
    const complex_t *flow_own;    /* (flows, 3, 3) */
    const complex_t *flow_mutual; /* (flows, 3, 3) */
    const complex_t *flow;        /* (flows, 3) */
    const double *flow_weight;    /* (flows, 2, 3) */
} measured_t;

/* A factorised system. */
typedef struct {
    double *factor;  /* (links, 12, 12) */
    double *inverse; /* (nodes, 12, 12) of the pivots */
    complex_t
        *frame;      /* (nodes, 3) in which injections are told: the own admittance is real there */
    complex_t *turn; /* (nodes, 3) directions of the voltages, in which their changes are told */
} factors_t;

/* What changes in an injection's row when its voltage moves; the network's part does not. */
typedef struct {
    complex_t own;                 /* derivative of the current by its own conjugate voltage */
    double real, cross, imaginary; /* variances */
    double size;                   /* of the voltage */
} changing_t;

typedef struct {
    double *own;        /* (nodes, 12, 12) */
    double *low;        /* (links, 12, 12) */
    double *right;      /* (nodes, 12) */
    double *step;       /* (nodes, 12) */
    double *size;       /* (nodes, 3) of the voltages */
    complex_t *turn;    /* (nodes, 3) their direction */
    complex_t *current; /* (nodes, 3) into the network */
    changing_t *changing; /* (nodes, 3) when the system was factorised */
    factors_t at;       /* the system at a state */
} work_t;

ORTSNETZ_INLINE complex_t times(complex_t a, complex_t b)
{
    complex_t c = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    return c;
}

ORTSNETZ_INLINE complex_t conj_times(complex_t a, complex_t b) /* conj(a) b */
{
    complex_t c = {a.re * b.re + a.im * b.im, a.re * b.im - a.im * b.re};
    return c;
}

/* estimation_system.c: what the network does at voltages (nodes, 3), the system's blocks there, and
 * what is measured less what is computed; `follow` the directions of the voltages and the rows of the
 * injections from where the system was factorised, else those stand still. */
void estimation_look(const grid_t *grid, const complex_t *voltage, work_t *work);
void estimation_assemble(const grid_t *grid, const measured_t *measured, work_t *work);
void estimation_residuals(const grid_t *grid, const measured_t *measured, work_t *work, int follow);
void estimation_injections(const grid_t *grid, const measured_t *measured, const factors_t *factors,
                           work_t *work);

/* estimation_flows.c: the same for flows of branches and shunts. */
void estimation_assemble_flows(const measured_t *measured, const complex_t *voltage, work_t *work);
void estimation_flow_residuals(const measured_t *measured, const complex_t *voltage, work_t *work);

#endif
