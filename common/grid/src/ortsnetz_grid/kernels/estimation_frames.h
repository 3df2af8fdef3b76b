/* Derivatives of currents by voltages in turned frames, for the kernel of state estimation. */
#ifndef ORTSNETZ_ESTIMATION_FRAMES_H
#define ORTSNETZ_ESTIMATION_FRAMES_H

#include "estimation.h"

ORTSNETZ_INLINE void add_current(complex_t *into, const complex_t *block, const complex_t *volts)
{
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++) {
            const complex_t part = times(block[3 * p + q], volts[q]);
            into[p].re += part.re;
            into[p].im += part.im;
        }
}

/* Current at a node for a change of a voltage, both in their own frames. */
ORTSNETZ_INLINE complex_t turned(complex_t admittance, complex_t at, complex_t of)
{
    return times(conj_times(at, admittance), of);
}

/* A 3 x 3 complex derivative as real 6 x 6 rows (real, then imaginary) for (along, across). */
ORTSNETZ_INLINE void add_real(double *block, int stride, const complex_t *admittance,
                              const complex_t *at, const complex_t *of)
{
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++) {
            const complex_t a = turned(admittance[3 * p + q], at[p], of[q]);
            block[p * stride + q] += a.re;
            block[p * stride + 3 + q] -= a.im;
            block[(3 + p) * stride + q] += a.im;
            block[(3 + p) * stride + 3 + q] += a.re;
        }
}

ORTSNETZ_INLINE complex_t over(complex_t a, double size)
{
    return (complex_t){a.re / size, a.im / size};
}

/* conj(power) / |voltage| also changes with the own voltage: by `own` conj(change), which is the
 * current over |voltage|, with the current in the frame of the row times that of the voltage. */
ORTSNETZ_INLINE void add_own_change(double *block, int stride, int p, complex_t own)
{
    block[p * stride + p] += own.re;
    block[p * stride + 3 + p] += own.im;
    block[(3 + p) * stride + p] += own.im;
    block[(3 + p) * stride + 3 + p] -= own.re;
}

#endif
