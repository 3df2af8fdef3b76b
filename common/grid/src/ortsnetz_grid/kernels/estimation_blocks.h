/* Dense blocks of 12 x 12 and 6 x 6 numbers, for the kernel of state estimation. */
#ifndef ORTSNETZ_ESTIMATION_BLOCKS_H
#define ORTSNETZ_ESTIMATION_BLOCKS_H

#include "estimation.h"

/* Four numbers at once, wherever they lie; the compiler splits them where the machine has two. */
typedef double four_t __attribute__((vector_size(32), aligned(8), may_alias));

ORTSNETZ_INLINE four_t four(const double *from) { return *(const four_t *)from; }

ORTSNETZ_INLINE void put(double *to, four_t values) { *(four_t *)to = values; }

/* A pair's block [L B; C F] joins voltages by flow measurements only (L) and multipliers by new
 * connections only (F): mostly both are nothing, and half of the work is left out. */
ORTSNETZ_INLINE int is_plain(const double *block)
{
    four_t any = {0};
    for (int i = 0; i < HALF; i++) {
        const double *above = block + i * SIZE, *below = block + (HALF + i) * SIZE + HALF;
        any += four(above) * four(above) + four(below + 2) * four(below + 2);
        any[0] +=
            above[4] * above[4] + above[5] * above[5] + below[0] * below[0] + below[1] * below[1];
    }
    return any[0] + any[1] + any[2] + any[3] == 0;
}

/* c = a b */
ORTSNETZ_INLINE void product(double *restrict c, const double *restrict a, const double *restrict b,
                             const int plain)
{
    for (int i = 0; i < SIZE; i++) {
        const int first = plain && i < HALF ? HALF : 0, last = plain && i >= HALF ? HALF : SIZE;
        four_t s0 = {0}, s1 = {0}, s2 = {0};
        for (int k = first; k < last; k++) {
            const double f = a[i * SIZE + k];
            s0 += f * four(b + k * SIZE);
            s1 += f * four(b + k * SIZE + 4);
            s2 += f * four(b + k * SIZE + 8);
        }
        put(c + i * SIZE, s0);
        put(c + i * SIZE + 4, s1);
        put(c + i * SIZE + 8, s2);
    }
}

/* c -= a b */
ORTSNETZ_INLINE void less_product(double *restrict c, const double *restrict a,
                                  const double *restrict b, const int plain)
{
    for (int i = 0; i < SIZE; i++) {
        double *row = c + i * SIZE;
        four_t s0 = four(row), s1 = four(row + 4), s2 = four(row + 8);
        for (int k = 0; k < HALF; k++) {
            const double f = a[i * SIZE + k];
            if (!plain) s0 -= f * four(b + k * SIZE);
            s1 -= f * four(b + k * SIZE + 4);
            s2 -= f * four(b + k * SIZE + 8);
        }
        for (int k = HALF; k < SIZE; k++) {
            const double f = a[i * SIZE + k];
            s0 -= f * four(b + k * SIZE);
            s1 -= f * four(b + k * SIZE + 4);
            if (!plain) s2 -= f * four(b + k * SIZE + 8);
        }
        put(row, s0);
        put(row + 4, s1);
        put(row + 8, s2);
    }
}

ORTSNETZ_INLINE void transposed(double *restrict c, const double *restrict a)
{
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) c[j * SIZE + i] = a[i * SIZE + j];
}

/* y -= a' x */
ORTSNETZ_INLINE void less_column_product(double *restrict y, const double *restrict a,
                                         const double *restrict x)
{
    four_t s0 = four(y), s1 = four(y + 4), s2 = four(y + 8);
    for (int i = 0; i < SIZE; i++) {
        s0 -= x[i] * four(a + i * SIZE);
        s1 -= x[i] * four(a + i * SIZE + 4);
        s2 -= x[i] * four(a + i * SIZE + 8);
    }
    put(y, s0);
    put(y + 4, s1);
    put(y + 8, s2);
}

/* y -= a x */
ORTSNETZ_INLINE void less_row_product(double *restrict y, const double *restrict a,
                                      const double *restrict x)
{
    const four_t x0 = four(x), x1 = four(x + 4), x2 = four(x + 8);
    for (int i = 0; i < SIZE; i++) {
        const four_t s =
            four(a + i * SIZE) * x0 + four(a + i * SIZE + 4) * x1 + four(a + i * SIZE + 8) * x2;
        y[i] -= (s[0] + s[1]) + (s[2] + s[3]);
    }
}

/* Rows of the unit matrix and what they leave: a number stored alone would stall the next load of
 * four. */
#define UNIT(k, x, y)                                                                              \
    {(k) == 0 ? x : y, (k) == 1 ? x : y, (k) == 2 ? x : y,  (k) == 3 ? x : y,                      \
     (k) == 4 ? x : y, (k) == 5 ? x : y, (k) == 6 ? x : y,  (k) == 7 ? x : y,                      \
     (k) == 8 ? x : y, (k) == 9 ? x : y, (k) == 10 ? x : y, (k) == 11 ? x : y}
#define UNITS(x, y)                                                                                \
    {UNIT(0, x, y), UNIT(1, x, y), UNIT(2, x, y), UNIT(3, x, y), UNIT(4, x, y),  UNIT(5, x, y),    \
     UNIT(6, x, y), UNIT(7, x, y), UNIT(8, x, y), UNIT(9, x, y), UNIT(10, x, y), UNIT(11, x, y)}
static const double AT[SIZE][SIZE] = UNITS(1, 0), BESIDE[SIZE][SIZE] = UNITS(0, 1);

/* Inverse in place of `size` rows of `fours` times four numbers, by Gauss-Jordan with partial
 * pivoting; 0 where a pivot is less than `least` of the largest. */
ORTSNETZ_INLINE int gauss_jordan(double *restrict a, const int size, const int fours,
                                 const double least)
{
    const int wide = 4 * fours;
    int place[SIZE];
    double largest = 0, smallest = INFINITY;
    for (int k = 0; k < size; k++) {
        double *pivot = a + k * wide;
        int best = k;
        double most = fabs(pivot[k]);
        for (int i = k + 1; i < size; i++) {
            const double candidate = fabs(a[i * wide + k]);
            if (candidate > most) {
                most = candidate;
                best = i;
            }
        }
        largest = most > largest ? most : largest;
        smallest = most < smallest ? most : smallest;
        if (!(smallest > least * largest)) return 0;
        place[k] = best;
        if (best != k)
            for (int j = 0; j < fours; j++) {
                const four_t kept = four(pivot + 4 * j);
                put(pivot + 4 * j, four(a + best * wide + 4 * j));
                put(a + best * wide + 4 * j, kept);
            }
        const double scale = 1 / pivot[k];
        const double *others = BESIDE[k], *unit = AT[k];
        for (int j = 0; j < fours; j++)
            put(pivot + 4 * j,
                scale * (four(pivot + 4 * j) * four(others + 4 * j) + four(unit + 4 * j)));
        for (int i = 0; i < size; i++) {
            if (i == k) continue;
            double *row = a + i * wide;
            const double factor = row[k];
            for (int j = 0; j < fours; j++)
                put(row + 4 * j,
                    four(row + 4 * j) * four(others + 4 * j) - factor * four(pivot + 4 * j));
        }
    }
    for (int k = size - 1; k >= 0; k--) {
        if (place[k] == k) continue;
        for (int i = 0; i < size; i++) {
            const double kept = a[i * wide + k];
            a[i * wide + k] = a[i * wide + place[k]];
            a[i * wide + place[k]] = kept;
        }
    }
    return 1;
}

/* The same for 6 x 6 without pivoting, where every pivot keeps `least` of its diagonal; `a` is
 * spoilt where one does not. */
ORTSNETZ_INLINE int quick_gauss_jordan(double *restrict a, const double least)
{
    double limit[HALF];
    for (int k = 0; k < HALF; k++) limit[k] = least * fabs(a[k * WIDE + k]);
    int good = 1;
#pragma GCC unroll 6
    for (int k = 0; k < HALF; k++) {
        double *pivot = a + k * WIDE;
        good &= fabs(pivot[k]) > limit[k];
        const double scale = 1 / pivot[k];
        const four_t o0 = four(BESIDE[k]), o1 = four(BESIDE[k] + 4);
        const four_t p0 = scale * (four(pivot) * o0 + four(AT[k])),
                     p1 = scale * (four(pivot + 4) * o1 + four(AT[k] + 4));
        put(pivot, p0);
        put(pivot + 4, p1);
#pragma GCC unroll 6
        for (int i = 0; i < HALF; i++) {
            if (i == k) continue;
            double *row = a + i * WIDE;
            const double factor = row[k];
            put(row, four(row) * o0 - factor * p0);
            put(row + 4, four(row + 4) * o1 - factor * p1);
        }
    }
    return good;
}

typedef double half_t[HALF * WIDE]; /* 6 x 6 in rows of 8 */

ORTSNETZ_INLINE void half_product(double *restrict c, const double *restrict a,
                                  const double *restrict b)
{
    for (int i = 0; i < HALF; i++) {
        four_t s0 = {0}, s1 = {0};
        for (int k = 0; k < HALF; k++) {
            const double f = a[i * WIDE + k];
            s0 += f * four(b + k * WIDE);
            s1 += f * four(b + k * WIDE + 4);
        }
        put(c + i * WIDE, s0);
        put(c + i * WIDE + 4, s1);
    }
}

ORTSNETZ_INLINE void half_transposed(double *restrict c, const double *restrict a)
{
    for (int i = 0; i < HALF; i++)
        for (int j = 0; j < WIDE; j++) c[i * WIDE + j] = j < HALF ? a[j * WIDE + i] : 0;
}

ORTSNETZ_INLINE void half_taken(double *restrict c, const double *restrict block)
{
    for (int i = 0; i < HALF; i++)
        for (int j = 0; j < WIDE; j++) c[i * WIDE + j] = j < HALF ? block[i * SIZE + j] : 0;
}

ORTSNETZ_INLINE void half_put(double *restrict block, const double *restrict c, const double sign)
{
    for (int i = 0; i < HALF; i++)
        for (int j = 0; j < HALF; j++) block[i * SIZE + j] = sign * c[i * WIDE + j];
}

/* Inverse of a pivot [L J'; J -P]. Where no measurement says anything about the voltages so far
 * (L = 0), it is [X P X' X; X' 0] with X = J^-1. Else the whole block is inverted with pivoting:
 * informations of short lines and variances of sources lie twenty digits apart. */
ORTSNETZ_INLINE int inverted(double *restrict c, const double *restrict from)
{
    half_t x, back, less_variance, first, second;
    int known = 0;
    for (int i = 0; i < HALF; i++)
        for (int j = 0; j < HALF; j++) known |= from[i * SIZE + j] != 0;
    half_taken(x, from + HALF * SIZE);
    if (known || !quick_gauss_jordan(x, 1e-3)) {
        memcpy(c, from, BLOCK * sizeof(double));
        return gauss_jordan(c, SIZE, SIZE / 4, 1e-280);
    }
    half_taken(less_variance, from + HALF * SIZE + HALF);
    half_transposed(back, x);
    half_product(first, less_variance, back);
    half_product(second, x, first);
    memset(c, 0, BLOCK * sizeof(double));
    half_put(c, second, -1);
    half_put(c + HALF, x, 1);
    half_put(c + HALF * SIZE, back, 1);
    return 1;
}

#endif
