/* What the power flow's kernels share: the factorised matrix, scenarios, results.
 *
 * The node admittance matrix has 3x3 complex blocks and a symmetric structure. Nodes are numbered in
 * the order of their elimination; start/row list, for each node, its later neighbours after fill-in.
 * The first `passive` nodes carry no injection: an iteration does not touch them, because their
 * right-hand side is nothing; their voltages follow at the end. kernels/power_flow.py has the same
 * structures.
 */
#ifndef ORTSNETZ_POWER_FLOW_H
#define ORTSNETZ_POWER_FLOW_H

#include <stdint.h>

#define KINDS 6 /* power, current, impedance to neutral, then between phases */

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
    block *lower, *upper;       /* (entries,) see ortsnetz_power_flow_factorise */
} grid;

typedef struct {
    int64_t scenarios, all_nodes, loaded;
    const int32_t *load;                      /* (nodes,) place of the node's injection, or -1 */
    const double *injection[KINDS];           /* (scenarios, loaded, 3) complex power, or NULL */
    int64_t injection_stride[KINDS];          /* doubles from scenario to scenario; 0: all alike */
    double unit;                              /* per unit of what the injections count in */
    const double *idle;                       /* (scenarios, all_nodes, 3) voltages without load */
    int64_t idle_stride;
} cases;

typedef struct {
    double *voltage;    /* (scenarios, all_nodes, 3) complex */
    double *change;     /* (scenarios, islands) largest change of a voltage in the last step */
    double *mismatch;   /* (scenarios, islands) largest power mismatch of a phase, or NULL */
    int32_t *iterations; /* (scenarios,) */
} flows;

/* Factorise in place.
 *
 * In: inverse[k] is the block (k, k), lower[e] the block (row[e], k), upper[e] the block
 * (k, row[e]). Out: the inverse of the pivot; the block under it, at that stage; the block right of
 * it, times the inverse pivot. Returns 0, or 1 + the number of the node whose pivot is singular, or
 * -1 if an entry is missing that elimination makes.
 */
int32_t ortsnetz_power_flow_factorise(const grid *g);

/* Solve Y v = i for one right-hand side (all_nodes, 3) complex, in place; all nodes may carry it. */
void ortsnetz_power_flow_solve(const grid *g, double *v);

/* Bytes of memory that a thread needs for ortsnetz_power_flow. */
int64_t ortsnetz_power_flow_scratch(const grid *g, const cases *c);

/* Scenarios first .. first + count - 1; `scratch` is 64-byte aligned and this thread's own. */
void ortsnetz_power_flow(const grid *g, const cases *c, const flows *f, int64_t first,
                         int64_t count, int32_t most, double tolerance, void *scratch);

#endif
