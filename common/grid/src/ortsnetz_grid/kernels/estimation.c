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
 * (Hachtel's augmented matrix; Gjelsvik, Aam, Holten, IEEE Trans. PAS-104, 1985). Blocks are 12 x 12,
 * one for each node and one for each pair of neighbours, plus the fill of the elimination, which
 * runs in the order of the nodes. A tree has no fill. The inverse is computed on the same blocks
 * (Takahashi, Fagan, Chen, PICA 1973): the covariance of neighbouring voltages.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

enum { SIZE = 12, HALF = 6, WIDE = 8, BLOCK = SIZE * SIZE };
enum { POWER_FROM = 0, POWER_TO = 1, SHUNT = 2, CURRENT_FROM = 5, CURRENT_TO = 6 };
enum { LOCAL_FROM = 7, LOCAL_TO = 8, SIZE_FROM = 9, SIZE_TO = 10 };
enum { CONVERGED = 0, SINGULAR = 1, DIVERGED = 2 };

enum { APPROACH = 2 };
static const double FAR = 0.3;     /* a step, per unit, that no power flow of a network takes */
static const double SLOW = 0.3;
static const double MOVED = 3e-2;  /* movement since the factorisation from which it is made anew */

typedef struct {
    double re, im;
} complex_t;

/* A network that is constant while its topology is; nodes are in the order of elimination. */
typedef struct {
    int32_t nodes, links;
    const int32_t *start;     /* (nodes + 1) first link of each node's column */
    const int32_t *row;       /* (links) the later node of each pair, rising within a column */
    const int32_t *pair;      /* links between the rows of a column: all a < b, columns in order */
    const int32_t *pair_start; /* (nodes) first entry of each column in `pair` */
    const complex_t *own;     /* (nodes, 3, 3) current into the network at a node for its voltage */
    const complex_t *low;     /* (links, 3, 3) current at the row's node for the column's voltage */
    const complex_t *up;      /* (links, 3, 3) current at the column's node for the row's voltage */
} grid_t;

typedef struct {
    const complex_t *injection;         /* (nodes, 3) complex power into the network */
    const double *injection_variance;   /* (nodes, 2, 3) 0 is exact, infinite is unknown */
    const double *reach;                /* (nodes) standard deviation of a current nobody knows */
    const double *magnitude;            /* (nodes, 3) */
    const double *magnitude_weight;     /* (nodes, 3) inverse variance, 0 is not measured */
    const double *angle;                /* (nodes, 3) rad */
    const double *angle_weight;         /* (nodes, 3) */
    int32_t flows;
    const int32_t *kind;                /* (flows) */
    const int32_t *at;                  /* (flows) node where it is measured */
    const int32_t *other;               /* (flows) node at the other end, -1 without */
    const int32_t *link;                /* (flows) their link, -1 without */
    const complex_t *flow_own;          /* (flows, 3, 3) */
    const complex_t *flow_mutual;       /* (flows, 3, 3) */
    const complex_t *flow;              /* (flows, 3) */
    const double *flow_weight;          /* (flows, 2, 3) */
} measured_t;

/* A factorised system. */
typedef struct {
    double *factor;   /* (links, 12, 12) */
    double *inverse;  /* (nodes, 12, 12) of the pivots */
    complex_t *frame; /* (nodes, 3) in which injections are told: the own admittance is real there */
    complex_t *turn;  /* (nodes, 3) directions of the voltages, in which their changes are told */
} factors_t;

typedef struct {
    double *own;     /* (nodes, 12, 12) */
    double *low;     /* (links, 12, 12) */
    double *right;   /* (nodes, 12) */
    double *step;    /* (nodes, 12) */
    double *size;    /* (nodes, 3) of the voltages */
    complex_t *turn; /* (nodes, 3) their direction */
    complex_t *current; /* (nodes, 3) into the network */
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

/* ---- dense blocks ------------------------------------------------------------------------ */

/* Four numbers at once, wherever they lie; the compiler splits them where the machine has two. */
typedef double four_t __attribute__((vector_size(32), aligned(8), may_alias));

ORTSNETZ_INLINE four_t four(const double *from)
{
    return *(const four_t *)from;
}

ORTSNETZ_INLINE void put(double *to, four_t values)
{
    *(four_t *)to = values;
}

/* A pair's block [L B; C F] joins voltages by flow measurements only (L) and multipliers by new
 * connections only (F): mostly both are nothing, and half of the work is left out. */
ORTSNETZ_INLINE int is_plain(const double *block)
{
    four_t any = {0};
    for (int i = 0; i < HALF; i++) {
        const double *above = block + i * SIZE, *below = block + (HALF + i) * SIZE + HALF;
        any += four(above) * four(above) + four(below + 2) * four(below + 2);
        any[0] += above[4] * above[4] + above[5] * above[5] + below[0] * below[0] + below[1] * below[1];
    }
    return any[0] + any[1] + any[2] + any[3] == 0;
}

/* c = a b */
ORTSNETZ_INLINE void product(double *restrict c, const double *restrict a, const double *restrict b, const int plain)
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
ORTSNETZ_INLINE void less_product(double *restrict c, const double *restrict a, const double *restrict b, const int plain)
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
ORTSNETZ_INLINE void less_column_product(double *restrict y, const double *restrict a, const double *restrict x)
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
ORTSNETZ_INLINE void less_row_product(double *restrict y, const double *restrict a, const double *restrict x)
{
    const four_t x0 = four(x), x1 = four(x + 4), x2 = four(x + 8);
    for (int i = 0; i < SIZE; i++) {
        const four_t s = four(a + i * SIZE) * x0 + four(a + i * SIZE + 4) * x1 + four(a + i * SIZE + 8) * x2;
        y[i] -= (s[0] + s[1]) + (s[2] + s[3]);
    }
}

/* Rows of the unit matrix and what they leave: a number stored alone would stall the next load of four. */
#define UNIT(k, x, y) {(k) == 0 ? x : y, (k) == 1 ? x : y, (k) == 2 ? x : y, (k) == 3 ? x : y, (k) == 4 ? x : y, (k) == 5 ? x : y, (k) == 6 ? x : y, (k) == 7 ? x : y, (k) == 8 ? x : y, (k) == 9 ? x : y, (k) == 10 ? x : y, (k) == 11 ? x : y}
#define UNITS(x, y) {UNIT(0, x, y), UNIT(1, x, y), UNIT(2, x, y), UNIT(3, x, y), UNIT(4, x, y), UNIT(5, x, y), UNIT(6, x, y), UNIT(7, x, y), UNIT(8, x, y), UNIT(9, x, y), UNIT(10, x, y), UNIT(11, x, y)}
static const double AT[SIZE][SIZE] = UNITS(1, 0), BESIDE[SIZE][SIZE] = UNITS(0, 1);

/* Inverse in place of `size` rows of `fours` times four numbers, by Gauss-Jordan with partial
 * pivoting; 0 where a pivot is less than `least` of the largest. */
ORTSNETZ_INLINE int gauss_jordan(double *restrict a, const int size, const int fours, const double least)
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
            put(pivot + 4 * j, scale * (four(pivot + 4 * j) * four(others + 4 * j) + four(unit + 4 * j)));
        for (int i = 0; i < size; i++) {
            if (i == k) continue;
            double *row = a + i * wide;
            const double factor = row[k];
            for (int j = 0; j < fours; j++)
                put(row + 4 * j, four(row + 4 * j) * four(others + 4 * j) - factor * four(pivot + 4 * j));
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

/* The same for 6 x 6 without pivoting, where every pivot keeps `least` of its diagonal; `a` is spoilt
 * where one does not. */
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
        const four_t p0 = scale * (four(pivot) * o0 + four(AT[k])), p1 = scale * (four(pivot + 4) * o1 + four(AT[k] + 4));
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

ORTSNETZ_INLINE void half_product(double *restrict c, const double *restrict a, const double *restrict b)
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

/* Inverse of a pivot [L J'; J -P] through X = J^-1, with Q = X' L X and T = (1 + Q P)^-1:
 *
 *     [X P T X'   (T X')']
 *     [T X'       -T Q   ]
 *
 * The eigenvalues of Q P are not negative, so T exists. J is singular where hardly anything is
 * connected to what is left of the network (at its last node); then the whole block is inverted. */
ORTSNETZ_INLINE int inverted(double *restrict c, const double *restrict from)
{
    half_t x, back, information, less_variance, q, t, first, second;
    int known = 0;
    half_taken(x, from + HALF * SIZE);
    if (!quick_gauss_jordan(x, 1e-3)) {
        memcpy(c, from, BLOCK * sizeof(double));
        return gauss_jordan(c, SIZE, SIZE / 4, 1e-280);
    }
    half_taken(information, from);
    half_taken(less_variance, from + HALF * SIZE + HALF);
    for (int i = 0; i < HALF * WIDE; i++) known |= information[i] != 0;
    half_transposed(back, x);
    memset(q, 0, sizeof q);
    if (known) {
        half_product(first, information, x);
        half_product(second, back, first);
        half_product(t, second, less_variance);
        for (int i = 0; i < HALF * WIDE; i++) t[i] = -t[i];
        for (int i = 0; i < HALF; i++) t[i * WIDE + i] += 1;
        memcpy(first, t, sizeof first);
        if (!quick_gauss_jordan(t, 1e-3)) {
            memcpy(t, first, sizeof first);
            if (!gauss_jordan(t, HALF, WIDE / 4, 1e-280)) return 0;
        }
        half_product(q, t, second);
        half_product(first, t, back);
        memcpy(back, first, sizeof back);
    }
    half_product(first, less_variance, back);
    half_product(second, x, first);
    half_transposed(t, back);
    half_put(c, second, -1);
    half_put(c + HALF, t, 1);
    half_put(c + HALF * SIZE, back, 1);
    half_put(c + HALF * SIZE + HALF, q, -1);
    return 1;
}

/* ---- the system at a state --------------------------------------------------------------- */

ORTSNETZ_INLINE void add_current(complex_t *into, const complex_t *block, const complex_t *volts)
{
    for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++) {
            const complex_t part = times(block[3 * p + q], volts[q]);
            into[p].re += part.re;
            into[p].im += part.im;
        }
}

ORTSNETZ_INLINE complex_t direction(complex_t of)
{
    const double size = sqrt(of.re * of.re + of.im * of.im);
    return size > 0 ? (complex_t){of.re / size, of.im / size} : (complex_t){1, 0};
}

ORTSNETZ_DISPATCH static void look(const grid_t *grid, const complex_t *voltage, work_t *work)
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

/* Current at a node for a change of a voltage, both in their own frames. */
ORTSNETZ_INLINE complex_t turned(complex_t admittance, complex_t at, complex_t of)
{
    return times(conj_times(at, admittance), of);
}

/* A 3 x 3 complex derivative as real 6 x 6 rows (real, then imaginary) for (along, across). */
ORTSNETZ_INLINE void add_real(double *block, int stride, const complex_t *admittance, const complex_t *at, const complex_t *of)
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

/* conj(power) / |voltage| also changes with the own voltage: by current conj(change) / |voltage|,
 * with the current in the frame of the row times that of the voltage. */
ORTSNETZ_INLINE void add_own_change(double *block, int stride, int p, complex_t current, double size)
{
    const double re = current.re / size, im = current.im / size;
    block[p * stride + p] += re;
    block[p * stride + 3 + p] += im;
    block[(3 + p) * stride + p] += im;
    block[(3 + p) * stride + 3 + p] -= re;
}

/* Variances of real and imaginary part in a frame that is turned back by `by`. */
ORTSNETZ_INLINE void put_variance(double *block, int p, double real, double imaginary, complex_t by)
{
    const double c = by.re, d = by.im;
    block[p * SIZE + p] = -(c * c * real + d * d * imaginary);
    block[(3 + p) * SIZE + 3 + p] = -(d * d * real + c * c * imaginary);
    block[p * SIZE + 3 + p] = block[(3 + p) * SIZE + p] = c * d * (real - imaginary);
}

ORTSNETZ_INLINE double believed(double variance, double size, double reach)
{
    return isinf(variance) ? reach * reach : variance / (size * size);
}

ORTSNETZ_DISPATCH static void assemble_injections(const grid_t *grid, const measured_t *measured, work_t *work)
{
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++)
            work->at.frame[3 * i + p] = times(work->turn[3 * i + p], direction(grid->own[9 * i + 4 * p]));
    memcpy(work->at.turn, work->turn, (size_t)grid->nodes * 3 * sizeof(complex_t));
    memset(work->own, 0, (size_t)grid->nodes * BLOCK * sizeof(double));
    memset(work->low, 0, (size_t)grid->links * BLOCK * sizeof(double));
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *own = work->own + (size_t)i * BLOCK;
        const complex_t *turn = work->turn + 3 * i, *frame = work->at.frame + 3 * i;
        const double *size = work->size + 3 * i;
        add_real(own + HALF * SIZE, SIZE, grid->own + 9 * i, frame, turn);
        for (int p = 0; p < 3; p++) {
            const double *variance = measured->injection_variance + 6 * i + p;
            add_own_change(own + HALF * SIZE, SIZE, p, conj_times(frame[p], work->current[3 * i + p]), size[p]);
            own[p * SIZE + p] = measured->magnitude_weight[3 * i + p];
            own[(3 + p) * SIZE + 3 + p] = measured->angle_weight[3 * i + p] / (size[p] * size[p]);
            put_variance(own + HALF * SIZE + HALF, p, believed(variance[0], size[p], measured->reach[i]), believed(variance[3], size[p], measured->reach[i]), conj_times(turn[p], frame[p]));
        }
        for (int r = 0; r < HALF; r++)
            for (int c = 0; c < HALF; c++) own[c * SIZE + HALF + r] = own[(HALF + r) * SIZE + c];
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++) {
            const complex_t *far = work->turn + 3 * grid->row[k], *far_frame = work->at.frame + 3 * grid->row[k];
            double *low = work->low + (size_t)k * BLOCK;
            double other[HALF * HALF] = {0};
            add_real(low + HALF * SIZE, SIZE, grid->low + 9 * k, far_frame, turn);
            add_real(other, HALF, grid->up + 9 * k, frame, far);
            for (int r = 0; r < HALF; r++)
                for (int c = 0; c < HALF; c++) low[c * SIZE + HALF + r] = other[r * HALF + c];
        }
    }
}

typedef struct {
    double at[HALF * HALF], other[HALF * HALF]; /* derivatives by the voltages at both ends */
    double residual[HALF];
    double weight[HALF];
} flow_rows_t;

ORTSNETZ_INLINE double squared(double x)
{
    return x * x;
}

static void flow_rows(const measured_t *measured, int32_t f, const complex_t *voltage, const work_t *work, flow_rows_t *rows)
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
    if (j >= 0) add_real(rows->other, HALF, measured->flow_mutual + 9 * f, frame, work->at.turn + 3 * j);
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
            rows->at[p * HALF + 3 + p] += local.im / size;
            rows->at[(3 + p) * HALF + 3 + p] -= local.re / size;
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
            add_own_change(rows->at, HALF, p, local, size);
            scale = size * size;
        }
        rows->residual[p] = away.re;
        rows->residual[3 + p] = away.im;
        rows->weight[p] = measured->flow_weight[6 * f + p] * scale;
        rows->weight[3 + p] = measured->flow_weight[6 * f + 3 + p] * scale;
    }
}

static void add_information(double *block, const double *left, const double *right, const double *weight)
{
    for (int m = 0; m < HALF; m++)
        for (int r = 0; r < HALF; r++) {
            const double factor = left[m * HALF + r] * weight[m];
            for (int c = 0; c < HALF; c++) block[r * SIZE + c] += factor * right[m * HALF + c];
        }
}

static void assemble_flows(const measured_t *measured, const complex_t *voltage, work_t *work)
{
    for (int32_t f = 0; f < measured->flows; f++) {
        flow_rows_t rows;
        const int32_t i = measured->at[f], j = measured->other[f];
        flow_rows(measured, f, voltage, work, &rows);
        add_information(work->own + (size_t)i * BLOCK, rows.at, rows.at, rows.weight);
        if (j < 0) continue;
        add_information(work->own + (size_t)j * BLOCK, rows.other, rows.other, rows.weight);
        double *low = work->low + (size_t)measured->link[f] * BLOCK;
        if (i > j) add_information(low, rows.at, rows.other, rows.weight);
        else add_information(low, rows.other, rows.at, rows.weight);
    }
}

static void add_flow_residuals(const measured_t *measured, const complex_t *voltage, work_t *work)
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

/* Current that a node is said to inject less what it does, in the frame of its row. */
ORTSNETZ_INLINE complex_t injection_residual(const measured_t *measured, const work_t *work, const complex_t *frame, int32_t i, int p)
{
    const double size = work->size[3 * i + p], *variance = measured->injection_variance + 6 * i + p;
    const complex_t turn = work->turn[3 * i + p], value = measured->injection[3 * i + p];
    const complex_t local = conj_times(turn, work->current[3 * i + p]);
    const complex_t away = {
        isinf(variance[0]) ? 0 : value.re / size - local.re,
        isinf(variance[3]) ? 0 : -value.im / size - local.im,
    };
    return conj_times(frame[3 * i + p], times(turn, away));
}

ORTSNETZ_DISPATCH static void residuals(const grid_t *grid, const measured_t *measured, const complex_t *voltage, work_t *work)
{
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *right = work->right + SIZE * i;
        for (int p = 0; p < 3; p++) {
            const double size = work->size[3 * i + p];
            const complex_t turn = work->turn[3 * i + p];
            right[p] = measured->magnitude_weight[3 * i + p] * (measured->magnitude[3 * i + p] - size);
            right[3 + p] = 0;
            if (measured->angle_weight[3 * i + p] > 0) {
                const double angle = measured->angle[3 * i + p];
                const complex_t target = {cos(angle), sin(angle)}, away = conj_times(turn, target);
                right[3 + p] = measured->angle_weight[3 * i + p] / size * atan2(away.im, away.re);
            }
            const complex_t told = injection_residual(measured, work, work->at.frame, i, p);
            right[6 + p] = told.re;
            right[9 + p] = told.im;
        }
    }
    add_flow_residuals(measured, voltage, work);
}

/* ---- elimination ------------------------------------------------------------------------- */

ORTSNETZ_DISPATCH static int eliminate(const grid_t *grid, work_t *work)
{
    for (int32_t i = 0; i < grid->nodes; i++) {
        double *inverse = work->at.inverse + (size_t)i * BLOCK;
        const int32_t first = grid->start[i], last = grid->start[i + 1];
        const int32_t *pair = grid->pair + grid->pair_start[i];
        if (!inverted(inverse, work->own + (size_t)i * BLOCK)) return 0;
        for (int32_t a = first; a < last; a++) {
            const double *low = work->low + (size_t)a * BLOCK;
            if (is_plain(low)) product(work->at.factor + (size_t)a * BLOCK, low, inverse, 1);
            else product(work->at.factor + (size_t)a * BLOCK, low, inverse, 0);
        }
        for (int32_t a = first; a < last; a++) {
            double *own = work->own + (size_t)grid->row[a] * BLOCK, *factor = work->at.factor + (size_t)a * BLOCK;
            double back[BLOCK];
            transposed(back, work->low + (size_t)a * BLOCK);
            if (is_plain(back)) less_product(own, factor, back, 1);
            else less_product(own, factor, back, 0);
            for (int32_t b = a + 1; b < last; b++)
                less_product(work->low + (size_t)*pair++ * BLOCK, work->at.factor + (size_t)b * BLOCK, back, 0);
        }
    }
    return 1;
}

ORTSNETZ_DISPATCH static void substitute(const grid_t *grid, const factors_t *factors, work_t *work)
{
    memcpy(work->step, work->right, (size_t)grid->nodes * SIZE * sizeof(double));
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++)
            less_row_product(work->step + SIZE * grid->row[k], factors->factor + (size_t)k * BLOCK, work->step + SIZE * i);
    for (int32_t i = grid->nodes - 1; i >= 0; i--) {
        double found[SIZE] = {0};
        const double *inverse = factors->inverse + (size_t)i * BLOCK, *at = work->step + SIZE * i;
        /* the pivot's inverse is symmetric: its rows serve as columns */
        for (int c = 0; c < SIZE; c++)
            for (int r = 0; r < SIZE; r++) found[r] += inverse[c * SIZE + r] * at[c];
        for (int32_t k = grid->start[i]; k < grid->start[i + 1]; k++)
            less_column_product(found, factors->factor + (size_t)k * BLOCK, work->step + SIZE * grid->row[k]);
        memcpy(work->step + SIZE * i, found, sizeof found);
    }
}

/* ---- entry points ------------------------------------------------------------------------ */

static int factorise(const grid_t *grid, const measured_t *measured, work_t *work, const complex_t *voltage)
{
    assemble_injections(grid, measured, work);
    assemble_flows(measured, voltage, work);
    return eliminate(grid, work);
}

/* Largest part of a voltage's change in the step, per unit; NaN where one is. */
static double longest_part(const grid_t *grid, const work_t *work)
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
static void move(const grid_t *grid, const factors_t *factors, const work_t *work, complex_t *voltage)
{
    for (int32_t i = 0; i < grid->nodes; i++)
        for (int p = 0; p < 3; p++) {
            const complex_t change = {work->step[SIZE * i + p], work->step[SIZE * i + 3 + p]};
            const complex_t turned_change = times(factors->turn[3 * i + p], change);
            voltage[3 * i + p].re += turned_change.re;
            voltage[3 * i + p].im += turned_change.im;
        }
}

/* Two steps towards the power flow of the injections' means, with the voltages at the sources as
 * they are: closer to any estimate than the network without load, and cheap, because `flow` was
 * factorised for the topology and no weight has a part in it. */
ORTSNETZ_DISPATCH static void approach(const grid_t *grid, const measured_t *measured, const factors_t *flow, work_t *work, complex_t *voltage)
{
    for (int step = 0; step < APPROACH; step++) {
        look(grid, voltage, work);
        memset(work->right, 0, (size_t)grid->nodes * SIZE * sizeof(double));
        for (int32_t i = 0; i < grid->nodes; i++)
            for (int p = 0; p < 3; p++) {
                const complex_t told = injection_residual(measured, work, flow->frame, i, p);
                work->right[SIZE * i + 6 + p] = told.re;
                work->right[SIZE * i + 9 + p] = told.im;
            }
        substitute(grid, flow, work);
        if (!(longest_part(grid, work) < FAR)) return; /* a load that no network carries */
        move(grid, flow, work, voltage);
    }
}

/* Factorises the system at voltages (nodes, 3). */
int ortsnetz_prepare_estimation(const grid_t *grid, const measured_t *measured, work_t *work, const complex_t *voltage)
{
    look(grid, voltage, work);
    return factorise(grid, measured, work, voltage) ? CONVERGED : SINGULAR;
}

/* Voltages (nodes, 3) move from those without load to the most probable ones.
 * flow: factors of the power flow. report: steps, factorisations, longest part of the last step. */
int ortsnetz_estimate(const grid_t *grid, const measured_t *measured, const factors_t *flow, work_t *work, complex_t *voltage, int32_t most_steps, double tolerance, double *report)
{
    double moved = INFINITY, before = INFINITY;
    int sizes = 0; /* sizes of currents, which have no direction before the first step */
    for (int32_t f = 0; f < measured->flows; f++)
        sizes |= measured->kind[f] == SIZE_FROM || measured->kind[f] == SIZE_TO;
    report[0] = report[1] = 0;
    approach(grid, measured, flow, work, voltage);
    for (int32_t step = 0; step < most_steps; step++) {
        double longest;
        look(grid, voltage, work);
        if (moved > MOVED || sizes) {
            if (!factorise(grid, measured, work, voltage)) return SINGULAR;
            report[1] += 1;
            moved = 0;
        }
        residuals(grid, measured, voltage, work);
        substitute(grid, &work->at, work);
        longest = longest_part(grid, work);
        report[0] = step + 1;
        report[2] = longest;
        if (!(longest < 1e3)) return DIVERGED;
        move(grid, &work->at, work, voltage);
        if (longest <= tolerance && !(sizes && step < 2)) return CONVERGED;
        /* steps that hardly become shorter want the system of where they are */
        moved = longest > SLOW * before && moved > 0 ? INFINITY : moved + longest;
        before = longest;
    }
    return DIVERGED;
}

ORTSNETZ_DISPATCH static void invert(const grid_t *grid, const work_t *work, double *own, double *low)
{
    for (int32_t i = grid->nodes - 1; i >= 0; i--) {
        const int32_t first = grid->start[i], count = grid->start[i + 1] - first;
        const int32_t *pair = grid->pair + grid->pair_start[i];
        double *mine = own + (size_t)i * BLOCK;
        memset(low + (size_t)first * BLOCK, 0, (size_t)count * BLOCK * sizeof(double));
        for (int32_t a = 0; a < count; a++) {
            double *found = low + (size_t)(first + a) * BLOCK;
            less_product(found, own + (size_t)grid->row[first + a] * BLOCK, work->at.factor + (size_t)(first + a) * BLOCK, 0);
            for (int32_t b = a + 1; b < count; b++) {
                const double *between = low + (size_t)*pair++ * BLOCK; /* row b, column a */
                double back[BLOCK];
                less_product(low + (size_t)(first + b) * BLOCK, between, work->at.factor + (size_t)(first + a) * BLOCK, 0);
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
int ortsnetz_selected_inverse(const grid_t *grid, const measured_t *measured, work_t *work, complex_t *voltage, double *own, double *low)
{
    look(grid, voltage, work);
    if (!factorise(grid, measured, work, voltage)) return SINGULAR;
    residuals(grid, measured, voltage, work);
    substitute(grid, &work->at, work);
    move(grid, &work->at, work, voltage);
    invert(grid, work, own, low);
    return CONVERGED;
}
