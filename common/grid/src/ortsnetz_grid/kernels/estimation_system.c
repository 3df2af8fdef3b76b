/* The system of least squares at a state: injections and voltages. See estimation.c. */
#include "estimation_frames.h"

ORTSNETZ_INLINE complex_t direction(complex_t of)
{
    const double size = sqrt(of.re * of.re + of.im * of.im);
    return size > 0 ? (complex_t){of.re / size, of.im / size} : (complex_t){1, 0};
}

ORTSNETZ_DISPATCH void estimation_look(const grid_t *grid, const complex_t *voltage, work_t *work)
{
    memset(work->current, 0, (size_t)grid->nodes * 3 * sizeof(complex_t));
    for (int32_t i = 0; i < grid->nodes; i++) {
        for (int p = 0; p < 3; p++) {
            const complex_t volts = voltage[3 * i + p];
            const double size = sqrt(volts.re * volts.re + volts.im * volts.im);
            work->size[3 * i + p] = size;
            work->turn[3 * i + p] = (complex_t){volts.re / size, volts.im / size};
        }
        add_current(work->current + 3 * i, grid->own + 9 * i, voltage + 3 * i);
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++) {
            const int32_t j = grid->row[k];
            add_current(work->current + 3 * j, grid->low + 9 * k, voltage + 3 * i);
            add_current(work->current + 3 * i, grid->up + 9 * k, voltage + 3 * j);
        }
    }
}

/* Variances of real and imaginary part in a frame that is turned back by `by`. */
ORTSNETZ_INLINE void put_variance(double *block, int p, double real, double imaginary, complex_t by,
                                  changing_t *kept)
{
    const double c = by.re, d = by.im;
    kept->real = c * c * real + d * d * imaginary;
    kept->imaginary = d * d * real + c * c * imaginary;
    kept->cross = c * d * (imaginary - real);
    block[p * SIZE + p] = -kept->real;
    block[(3 + p) * SIZE + 3 + p] = -kept->imaginary;
    block[p * SIZE + 3 + p] = block[(3 + p) * SIZE + p] = -kept->cross;
}

ORTSNETZ_INLINE double believed(double variance, double size, double reach)
{
    return isinf(variance) ? reach * reach : variance / (size * size);
}

ORTSNETZ_DISPATCH void estimation_assemble(const grid_t *grid, const measured_t *measured,
                                           work_t *work)
{
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++)
            work->at.frame[3 * i + p] =
                times(work->turn[3 * i + p], direction(grid->own[9 * i + 4 * p]));
    memcpy(work->at.turn, work->turn, (size_t)grid->nodes * 3 * sizeof(complex_t));
    memset(work->step, 0, (size_t)grid->nodes * SIZE * sizeof(double));
    memset(work->own, 0, (size_t)grid->nodes * BLOCK * sizeof(double));
    memset(work->low, 0, (size_t)grid->links * BLOCK * sizeof(double));
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *own = work->own + (size_t)i * BLOCK;
        const complex_t *turn = work->turn + 3 * i, *frame = work->at.frame + 3 * i;
        const double *size = work->size + 3 * i;
        add_real(own + HALF * SIZE, SIZE, grid->own + 9 * i, frame, turn);
        for (int p = 0; p < 3; p++) {
            const double *variance = measured->injection_variance + 6 * i + p;
            changing_t *kept = work->changing + 3 * i + p;
            kept->size = size[p];
            kept->own = over(conj_times(frame[p], work->current[3 * i + p]), size[p]);
            add_own_change(own + HALF * SIZE, SIZE, p, kept->own);
            own[p * SIZE + p] = measured->magnitude_weight[3 * i + p];
            own[(3 + p) * SIZE + 3 + p] = measured->angle_weight[3 * i + p] / (size[p] * size[p]);
            put_variance(
                own + HALF * SIZE + HALF, p, believed(variance[0], size[p], measured->reach[i]),
                believed(variance[3], size[p], measured->reach[i]), conj_times(turn[p], frame[p]), kept);
        }
        for (int r = 0; r < HALF; r++)
            for (int c = 0; c < HALF; c++) own[c * SIZE + HALF + r] = own[(HALF + r) * SIZE + c];
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++) {
            const complex_t *far = work->turn + 3 * grid->row[k],
                            *far_frame = work->at.frame + 3 * grid->row[k];
            double *low = work->low + (size_t)k * BLOCK;
            double other[HALF * HALF] = {0};
            add_real(low + HALF * SIZE, SIZE, grid->low + 9 * k, far_frame, turn);
            add_real(other, HALF, grid->up + 9 * k, frame, far);
            for (int r = 0; r < HALF; r++)
                for (int c = 0; c < HALF; c++) low[c * SIZE + HALF + r] = other[r * HALF + c];
        }
    }
}

/* Current that a node is said to inject less what it does, in the frame of its row. */
ORTSNETZ_INLINE complex_t injection_residual(const measured_t *measured, const work_t *work,
                                             const complex_t *frame, int32_t i, int p)
{
    const double *variance = measured->injection_variance + 6 * i + p;
    const double share = 1 / work->size[3 * i + p];
    const complex_t turn = work->turn[3 * i + p], value = measured->injection[3 * i + p];
    const complex_t local = conj_times(turn, work->current[3 * i + p]);
    const complex_t away = {
        isinf(variance[0]) ? 0 : value.re * share - local.re,
        isinf(variance[3]) ? 0 : -value.im * share - local.im,
    };
    return conj_times(frame[3 * i + p], times(turn, away));
}

/* The rows of an injection have changed since the system was factorised: what that makes of the
 * multipliers goes to the right-hand side, so that the steps end where the conditions of the least
 * squares hold at the voltages themselves, and not at those of the factorised system. */
ORTSNETZ_INLINE void add_changes(const measured_t *measured, const work_t *work, complex_t lean,
                                 int32_t i, int p, double *right)
{
    const changing_t *before = work->changing + 3 * i + p;
    const double *variance = measured->injection_variance + 6 * i + p;
    const double share = 1 / work->size[3 * i + p];
    const double *multiplier = work->step + SIZE * i + 6 + p;
    const complex_t frame = work->at.frame[3 * i + p];
    const complex_t by = conj_times(frame, work->turn[3 * i + p]);
    const complex_t current = times(conj_times(frame, work->current[3 * i + p]), lean);
    complex_t local = conj_times(by, (complex_t){multiplier[0], multiplier[3]});
    /* the multiplier of what nobody knows is nothing, but for the reach */
    const double real = isinf(variance[0]) ? 0 : variance[0] * share * share;
    const double imaginary = isinf(variance[3]) ? 0 : variance[3] * share * share;
    local = (complex_t){isinf(variance[0]) ? 0 : local.re, isinf(variance[3]) ? 0 : local.im};
    const complex_t now = times(by, (complex_t){real * local.re, imaginary * local.im});
    const complex_t m = times(by, local);
    const double re = current.re * share - before->own.re, im = current.im * share - before->own.im;
    right[p] -= re * m.re + im * m.im;
    right[3 + p] -= im * m.re - re * m.im;
    right[6 + p] += now.re - before->real * m.re - before->cross * m.im;
    right[9 + p] += now.im - before->cross * m.re - before->imaginary * m.im;
}

ORTSNETZ_DISPATCH void estimation_residuals(const grid_t *grid, const measured_t *measured,
                                            work_t *work, int follow)
{
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *right = work->right + SIZE * i;
        for (int p = 0; p < 3; p++) {
            const double size = work->size[3 * i + p];
            const complex_t turn = work->turn[3 * i + p];
            const complex_t lean = conj_times(work->at.turn[3 * i + p], turn);
            complex_t pull = {
                measured->magnitude_weight[3 * i + p] * (measured->magnitude[3 * i + p] - size), 0};
            if (measured->angle_weight[3 * i + p] > 0) {
                const double angle = measured->angle[3 * i + p];
                const complex_t target = {cos(angle), sin(angle)}, away = conj_times(turn, target);
                pull.im = measured->angle_weight[3 * i + p] / size * atan2(away.im, away.re);
            }
            if (follow) pull = times(pull, lean);
            right[p] = pull.re;
            right[3 + p] = pull.im;
            const complex_t told = injection_residual(measured, work, work->at.frame, i, p);
            right[6 + p] = told.re;
            right[9 + p] = told.im;
            if (follow) add_changes(measured, work, lean, i, p, right);
        }
    }
}

/* The injections' part of the right-hand side alone, the rest 0. */
ORTSNETZ_DISPATCH void estimation_injections(const grid_t *grid, const measured_t *measured,
                                             const factors_t *factors, work_t *work)
{
    memset(work->right, 0, (size_t)grid->nodes * SIZE * sizeof(double));
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++) {
            const complex_t told = injection_residual(measured, work, factors->frame, i, p);
            work->right[SIZE * i + 6 + p] = told.re;
            work->right[SIZE * i + 9 + p] = told.im;
        }
}
