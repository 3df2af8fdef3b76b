/* Run-time choice of the instruction set.
 *
 * ORTSNETZ_DISPATCH before a function compiles it for several levels of x86-64; the loader picks
 * the best one that the machine has. Functions called from it must be inlined (ORTSNETZ_INLINE),
 * or they stay at the baseline. On other machines, arm64 among them, the baseline has what is
 * needed. It needs the indirect functions of glibc.
 */
#ifndef ORTSNETZ_DISPATCH_H
#define ORTSNETZ_DISPATCH_H

#include <stdint.h> /* defines __GLIBC__ where there is one */

#if defined(__x86_64__) && defined(__GLIBC__)
#define ORTSNETZ_DISPATCH \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ORTSNETZ_DISPATCH
#endif

#define ORTSNETZ_INLINE static inline __attribute__((always_inline))

#endif
