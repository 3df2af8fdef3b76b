/* The system of least squares at a state: measured flows of branches and shunts. See estimation.c.
 */
#include "estimation_frames.h"

typedef struct {
    double at[HALF * HALF], other[HALF * HALF]; /* derivatives by the voltages at both ends */
    double residual[HALF];
    double weight[HALF];
} flow_rows_t;

ORTSNETZ_INLINE double squared(double x) { return x * x; }

static void flow_rows(const measured_t *measured, int32_t f, const complex_t *voltage,
                      const work_t *work, flow_rows_t *rows)
{
    static const complex_t straight[3] = {{1, 0}, {1, 0}, {1, 0}};
    const int kind = measured->kind[f];
    const int32_t i = measured->at[f], j = measured->other[f];
    const complex_t *value = measured->flow + 3 * f;
    const complex_t *turn = work->turn + 3 * i;
    complex_t current[3] = {{0, 0}, {0, 0}, {0, 0}};
    memset(rows, 0, sizeof *rows);
    add_current(current, measured->flow_own + 9 * f, voltage + 3 * i);
    if (j >= 0) add_current(current, measured->flow_mutual + 9 * f, voltage + 3 * j);
    const int global = kind == CURRENT_FROM || kind == CURRENT_TO;
    const complex_t *frame = global ? straight : turn;
    add_real(rows->at, HALF, measured->flow_own + 9 * f, frame, work->at.turn + 3 * i);
    if (j >= 0)
        add_real(rows->other, HALF, measured->flow_mutual + 9 * f, frame, work->at.turn + 3 * j);
    for (int p = 0; p < 3; p++) {
        const double size = work->size[3 * i + p];
        const complex_t local = conj_times(turn[p], current[p]);
        double scale = 1;
        complex_t away;
        if (global) {
            away = (complex_t){value[p].re - current[p].re, value[p].im - current[p].im};
        } else if (kind == LOCAL_FROM || kind == LOCAL_TO) {
            /* relative to the voltage's angle, and conjugate as a power is */
            away = (complex_t){value[p].re - local.re, -value[p].im - local.im};
            const complex_t lean = conj_times(turn[p], work->at.turn[3 * i + p]);
            rows->at[p * HALF + p] += local.im / size * lean.im;
            rows->at[p * HALF + 3 + p] += local.im / size * lean.re;
            rows->at[(3 + p) * HALF + p] -= local.re / size * lean.im;
            rows->at[(3 + p) * HALF + 3 + p] -= local.re / size * lean.re;
        } else if (kind == SIZE_FROM || kind == SIZE_TO) {
            const double length = sqrt(squared(local.re) + squared(local.im));
            const double weight = measured->flow_weight[6 * f + p];
            away = (complex_t){value[p].re - length, 0};
            /* a current below its deviation has no direction to speak of */
            scale = weight > 0 ? squared(length) / (squared(length) + 1 / weight) : 0;
            for (int c = 0; c < HALF; c++) {
                double *re = rows->at + p * HALF + c, *im = rows->at + (3 + p) * HALF + c;
                *re = length > 0 ? (local.re * *re + local.im * *im) / length : 0;
                *im = 0;
                re = rows->other + p * HALF + c, im = rows->other + (3 + p) * HALF + c;
                *re = length > 0 ? (local.re * *re + local.im * *im) / length : 0;
                *im = 0;
            }
        } else {
            away = (complex_t){value[p].re / size - local.re, -value[p].im / size - local.im};
            add_own_change(rows->at, HALF, p,
                           over(conj_times(work->at.turn[3 * i + p], current[p]), size));
            scale = size * size;
        }
        rows->residual[p] = away.re;
        rows->residual[3 + p] = away.im;
        rows->weight[p] = measured->flow_weight[6 * f + p] * scale;
        rows->weight[3 + p] = measured->flow_weight[6 * f + 3 + p] * scale;
    }
}

static void add_information(double *block, const double *left, const double *right,
                            const double *weight)
{
    for (int m = 0; m < HALF; m++)
        for (int r = 0; r < HALF; r++) {
            const double factor = left[m * HALF + r] * weight[m];
            for (int c = 0; c < HALF; c++) block[r * SIZE + c] += factor * right[m * HALF + c];
        }
}

void estimation_assemble_flows(const measured_t *measured, const complex_t *voltage, work_t *work)
{
    for (int32_t f = 0; f < measured->flows; f++) {
        flow_rows_t rows;
        const int32_t i = measured->at[f], j = measured->other[f];
        flow_rows(measured, f, voltage, work, &rows);
        add_information(work->own + (size_t)i * BLOCK, rows.at, rows.at, rows.weight);
        if (j < 0) continue;
        add_information(work->own + (size_t)j * BLOCK, rows.other, rows.other, rows.weight);
        double *low = work->low + (size_t)measured->link[f] * BLOCK;
        if (i > j)
            add_information(low, rows.at, rows.other, rows.weight);
        else
            add_information(low, rows.other, rows.at, rows.weight);
    }
}

void estimation_flow_residuals(const measured_t *measured, const complex_t *voltage, work_t *work)
{
    for (int32_t f = 0; f < measured->flows; f++) {
        flow_rows_t rows;
        const int32_t i = measured->at[f], j = measured->other[f];
        flow_rows(measured, f, voltage, work, &rows);
        for (int m = 0; m < HALF; m++) {
            const double pull = rows.weight[m] * rows.residual[m];
            for (int c = 0; c < HALF; c++) {
                work->right[SIZE * i + c] += rows.at[m * HALF + c] * pull;
                if (j >= 0) work->right[SIZE * j + c] += rows.other[m * HALF + c] * pull;
            }
        }
    }
}
