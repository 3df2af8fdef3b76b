/* What the loader asks before it calls anything else: see native.py. */
#include <stdint.h>

#ifndef ORTSNETZ_SOURCES
#error "the build passes the fingerprint of the sources: see hatch_build.py"
#endif

/* Raised with every change of a function's arguments, here and in native.py. */
int32_t ortsnetz_kernels_abi(void) { return 7; }

const char *ortsnetz_kernels_sources(void) { return ORTSNETZ_SOURCES; }
