/* Weighted least squares over a three-phase network, as a block-sparse symmetric system.
 *
 * Unknowns of a node: the change of its three voltages along (3) and across (3) their own phasors,
 * and one multiplier for the real and the imaginary part of each phase's injected current (6):
 *
 *     [ L   J' ] [ step       ]   [ information of voltages and flows ]
 *     [ J  -P  ] [ multiplier ] = [ injection measured minus computed ]
 *
 * L is the information of voltage and flow measurements, J the derivative of the injections, P the
 * variance of the injections: 0 is exact, and no weight is ever the inverse of a variance of 0
 * (Hachtel's augmented matrix; Gjelsvik, Aam, Holten, IEEE Trans. PAS-104, 1985). Blocks are 12 x
 * 12, one for each node and one for each pair of neighbours, plus the fill of the elimination,
 * which runs in the order of the nodes. A tree has no fill. The inverse is computed on the same
 * blocks (Takahashi, Fagan, Chen, PICA 1973): the covariance of neighbouring voltages.
 */
#include "estimation_blocks.h"

enum { APPROACH = 1 };            /* steps towards the power flow of the means */
static const double FAR = 0.3;    /* a step, per unit, that no power flow of a network takes */
static const double MOVED = 3e-2; /* movement since the factorisation from which it is made anew */
static const double SLOW = 0.3;   /* a step's share of the one before from which it is, too */
/* What is left after a step is judged by its share of the one before: never as less than this part
 * of the step, because the first step is of another kind. Sizes of currents turn with their
 * voltages: steps shrink unsteadily, and residuals of ammeters are differences that need more. */
static const double BEST = 0.1, BEST_OF_SIZES = 0.5, MORE_OF_SIZES = 0.2;

ORTSNETZ_DISPATCH static int eliminate(const grid_t *grid, work_t *work)
{
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *inverse = work->at.inverse + (size_t)i * BLOCK;
        const int32_t first = grid->start[i], last = grid->start[i + 1];
        const int32_t *pair = grid->pair + grid->pair_start[i];
        if (!inverted(inverse, work->own + (size_t)i * BLOCK)) return 0;
        for (int32_t a = first; a < last; a++) {
            const double *low = work->low + (size_t)a * BLOCK;
            if (is_plain(low))
                product(work->at.factor + (size_t)a * BLOCK, low, inverse, 1);
            else
                product(work->at.factor + (size_t)a * BLOCK, low, inverse, 0);
        }
        for (int32_t a = first; a < last; a++) {
            double *own = work->own + (size_t)grid->row[a] * BLOCK,
                   *factor = work->at.factor + (size_t)a * BLOCK;
            double back[BLOCK];
            transposed(back, work->low + (size_t)a * BLOCK);
            if (is_plain(back))
                less_product(own, factor, back, 1);
            else
                less_product(own, factor, back, 0);
            for (int32_t b = a + 1; b < last; b++)
                less_product(work->low + (size_t)*pair++ * BLOCK,
                             work->at.factor + (size_t)b * BLOCK, back, 0);
        }
    }
    return 1;
}

ORTSNETZ_DISPATCH static void substitute(const grid_t *grid, const factors_t *factors, work_t *work)
{
    memcpy(work->step, work->right, (size_t)grid->nodes * SIZE * sizeof(double));
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++)
            less_row_product(work->step + SIZE * grid->row[k], factors->factor + (size_t)k * BLOCK,
                             work->step + SIZE * i);
    for (int32_t i = grid->nodes - 1; i >= 0; i--) {
        double found[SIZE] = {0};
        const double *inverse = factors->inverse + (size_t)i * BLOCK, *at = work->step + SIZE * i;
        /* the pivot's inverse is symmetric: its rows serve as columns */
        for (int c = 0; c < SIZE; c++)
            for (int r = 0; r < SIZE; r++) found[r] += inverse[c * SIZE + r] * at[c];
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++)
            less_column_product(found, factors->factor + (size_t)k * BLOCK,
                                work->step + SIZE * grid->row[k]);
        memcpy(work->step + SIZE * i, found, sizeof found);
    }
}

static int factorise(const grid_t *grid, const measured_t *measured, work_t *work,
                     const complex_t *voltage)
{
    estimation_assemble(grid, measured, work);
    estimation_assemble_flows(measured, voltage, work);
    return eliminate(grid, work);
}

/* Largest part of a voltage's change in the step, per unit; NaN where one is. */
ORTSNETZ_DISPATCH static double longest_part(const grid_t *grid, const work_t *work)
{
    double longest = 0;
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int c = 0; c < HALF; c++) {
            const double size = fabs(work->step[SIZE * i + c]);
            if (!(size <= longest)) longest = size;
        }
    return longest;
}

/* Changes add as phasors, in the directions of the factorised system: then the currents, which are
 * linear in the phasors, are what the step meant them to be. */
ORTSNETZ_DISPATCH static void move(const grid_t *grid, const factors_t *factors,
                                   const work_t *work, complex_t *voltage)
{
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++) {
            const complex_t change = {work->step[SIZE * i + p], work->step[SIZE * i + 3 + p]};
            const complex_t turned_change = times(factors->turn[3 * i + p], change);
            voltage[3 * i + p].re += turned_change.re;
            voltage[3 * i + p].im += turned_change.im;
        }
}

/* Nothing but measured angles tells by how much all voltages are turned, so they are turned by what
 * those say on the mean: exactly, and at no cost. The factorised system would turn its own voltages
 * and not these; where currents have changed, that would make it oscillate.
 * Returns the angle of the step, rad, which is taken out of it. */
ORTSNETZ_DISPATCH static double taken_turn(const grid_t *grid, const measured_t *measured,
                                           work_t *work)
{
    double weight = 0, sum = 0;
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++) {
            const double own = measured->angle_weight[3 * i + p];
            weight += own;
            if (own > 0) sum += own * work->step[SIZE * i + 3 + p] / work->changing[3 * i + p].size;
        }
    if (!(weight > 0)) return 0;
    const double angle = sum / weight;
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++)
            work->step[SIZE * i + 3 + p] -= angle * work->changing[3 * i + p].size;
    return angle;
}

ORTSNETZ_DISPATCH static void turn(const grid_t *grid, const measured_t *measured,
                                   complex_t *voltage)
{
    double weight = 0, sum = 0;
    for (int32_t i = 0; i < 3 * grid->nodes; i++)
        if (measured->angle_weight[i] > 0) {
            const complex_t target = {cos(measured->angle[i]), sin(measured->angle[i])};
            const complex_t away = conj_times(voltage[i], target);
            weight += measured->angle_weight[i];
            sum += measured->angle_weight[i] * atan2(away.im, away.re);
        }
    if (!(weight > 0)) return;
    const complex_t by = {cos(sum / weight), sin(sum / weight)};
    for (int32_t i = 0; i < 3 * grid->nodes; i++) voltage[i] = times(by, voltage[i]);
}

/* A step towards the power flow of the injections' means, with the voltages at the sources as
 * they are: closer to any estimate than the network without load, and cheap, because `flow` was
 * factorised for the topology and no weight has a part in it. */
ORTSNETZ_DISPATCH static void approach(const grid_t *grid, const measured_t *measured,
                                       const factors_t *flow, work_t *work, complex_t *voltage)
{
    for (int step = 0; step < APPROACH; step++) {
        estimation_look(grid, voltage, work);
        estimation_injections(grid, measured, flow, work);
        substitute(grid, flow, work);
        if (!(longest_part(grid, work) < FAR)) return; /* a load that no network carries */
        move(grid, flow, work, voltage);
    }
}

/* Factorises the system at voltages (nodes, 3). */
int ortsnetz_prepare_estimation(const grid_t *grid, const measured_t *measured, work_t *work,
                                const complex_t *voltage)
{
    estimation_look(grid, voltage, work);
    return factorise(grid, measured, work, voltage) ? CONVERGED : SINGULAR;
}

/* Voltages (nodes, 3) move from those without load to the most probable ones.
 * flow: factors of the power flow. follow: see estimation_residuals; where measurements are so far
 * from any state that the steps do not become short, they may without.
 * report: steps, factorisations, longest part of the last step. */
int ortsnetz_estimate(const grid_t *grid, const measured_t *measured, const factors_t *flow,
                      work_t *work, complex_t *voltage, int32_t most_steps, double tolerance,
                      int32_t follow, double *report)
{
    double moved = INFINITY, before = INFINITY;
    int sizes = 0;         /* sizes of currents, which have no direction before the first step */
    int turning = follow; /* nothing but voltages' angles tells how they are turned */
    for (int32_t f = 0; f < measured->flows; f++) {
        sizes |= measured->kind[f] == SIZE_FROM || measured->kind[f] == SIZE_TO;
        turning &= measured->kind[f] != CURRENT_FROM && measured->kind[f] != CURRENT_TO;
    }
    const double best = sizes ? BEST_OF_SIZES : BEST;
    if (sizes) tolerance *= MORE_OF_SIZES;
    report[0] = report[1] = 0;
    approach(grid, measured, flow, work, voltage);
    for (int32_t step = 0; step < most_steps; step++) {
        double longest;
        estimation_look(grid, voltage, work);
        if (moved > MOVED || sizes) {
            if (!factorise(grid, measured, work, voltage)) return SINGULAR;
            report[1] += 1;
            moved = 0;
        }
        estimation_residuals(grid, measured, work, follow);
        estimation_flow_residuals(measured, voltage, work);
        substitute(grid, &work->at, work);
        const double by = turning ? taken_turn(grid, measured, work) : 0;
        longest = longest_part(grid, work);
        if (fabs(by) > longest) longest = fabs(by);
        report[0] = step + 1;
        report[2] = longest;
        if (!(longest < 1e3)) return DIVERGED;
        move(grid, &work->at, work, voltage);
        if (turning) turn(grid, measured, voltage);
        const double left = step ? longest * fmax(longest / before, best) : longest;
        if (left <= tolerance && longest <= before && !(sizes && step < 2)) return CONVERGED;
        /* steps that hardly become shorter want the system of where they are */
        moved = longest > SLOW * before && moved > 0 ? INFINITY : moved + longest;
        before = longest;
    }
    return DIVERGED;
}

ORTSNETZ_DISPATCH static void invert(const grid_t *grid, const work_t *work, double *own,
                                     double *low)
{
    for (int32_t i = grid->nodes - 1; i >= 0; i--) {
        const int32_t first = grid->start[i], count = grid->start[i + 1] - first;
        const int32_t *pair = grid->pair + grid->pair_start[i];
        double *mine = own + (size_t)i * BLOCK;
        memset(low + (size_t)first * BLOCK, 0, (size_t)count * BLOCK * sizeof(double));
        for (int32_t a = 0; a < count; a++) {
            double *found = low + (size_t)(first + a) * BLOCK;
            less_product(found, own + (size_t)grid->row[first + a] * BLOCK,
                         work->at.factor + (size_t)(first + a) * BLOCK, 0);
            for (int32_t b = a + 1; b < count; b++) {
                const double *between = low + (size_t)*pair++ * BLOCK; /* row b, column a */
                double back[BLOCK];
                less_product(low + (size_t)(first + b) * BLOCK, between,
                             work->at.factor + (size_t)(first + a) * BLOCK, 0);
                transposed(back, between);
                less_product(found, back, work->at.factor + (size_t)(first + b) * BLOCK, 0);
            }
        }
        memcpy(mine, work->at.inverse + (size_t)i * BLOCK, BLOCK * sizeof(double));
        for (int32_t a = 0; a < count; a++) {
            double turned_factor[BLOCK];
            transposed(turned_factor, work->at.factor + (size_t)(first + a) * BLOCK);
            less_product(mine, turned_factor, low + (size_t)(first + a) * BLOCK, 0);
        }
    }
}

/* Blocks of the inverse at voltages (nodes, 3): (nodes, 12, 12) and (links, 12, 12); the voltages
 * take one more step. Residuals of sensors that hardly anything checks are small differences: they
 * need the system of just this state, and the state of just this system. */
int ortsnetz_selected_inverse(const grid_t *grid, const measured_t *measured, work_t *work,
                              complex_t *voltage, double *own, double *low)
{
    estimation_look(grid, voltage, work);
    if (!factorise(grid, measured, work, voltage)) return SINGULAR;
    estimation_residuals(grid, measured, work, 1);
    estimation_flow_residuals(measured, voltage, work);
    substitute(grid, &work->at, work);
    move(grid, &work->at, work, voltage);
    invert(grid, work, own, low);
    return CONVERGED;
}
