/* Runs the power flow kernel of a library on a case from a file: see arm64_check.py.
 */
#include "../src/ortsnetz_grid/kernels/power_flow.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *take(FILE *file, size_t size) {
    void *found = aligned_alloc(64, (size + 127) / 64 * 64);
    if (!found || fread(found, 1, size, file) != size) exit(2);
    return found;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    int32_t (*factorise)(const grid *) = dlsym(library, "ortsnetz_power_flow_factorise");
    int64_t (*scratch)(const grid *, const cases *) =
        dlsym(library, "ortsnetz_power_flow_scratch");
    void (*power_flow)(const grid *, const cases *, const flows *, int64_t, int64_t, int32_t,
                       double, void *) = dlsym(library, "ortsnetz_power_flow");
    FILE *in = fopen(arguments[2], "rb"), *out = fopen(arguments[3], "wb");
    if (!in || !out) return 2;

    int64_t *size = take(in, 7 * sizeof(int64_t));
    int64_t nodes = size[0], entries = size[3], all = size[4], loaded = size[5], many = size[6];
    grid g = {.nodes = (int32_t)nodes, .passive = (int32_t)size[1], .islands = (int32_t)size[2]};
    g.start = take(in, sizeof(int32_t) * (size_t)(nodes + 1));
    g.row = take(in, sizeof(int32_t) * (size_t)entries);
    g.node = take(in, sizeof(int32_t) * (size_t)nodes);
    g.island = take(in, sizeof(int32_t) * (size_t)nodes);
    g.inverse = take(in, sizeof(block) * (size_t)nodes);
    g.lower = take(in, sizeof(block) * (size_t)entries);
    g.upper = take(in, sizeof(block) * (size_t)entries);
    cases c = {.scenarios = many, .all_nodes = all, .loaded = loaded, .unit = 1};
    c.load = take(in, sizeof(int32_t) * (size_t)nodes);
    c.injection[0] = take(in, 6 * sizeof(double) * (size_t)(many * loaded));
    c.injection_stride[0] = 6 * loaded;
    c.idle = take(in, 6 * sizeof(double) * (size_t)all);
    size_t values = 6 * (size_t)(many * all);
    flows f = {calloc(values, sizeof(double)), calloc((size_t)(many * g.islands), sizeof(double)),
               calloc((size_t)(many * g.islands), sizeof(double)),
               calloc((size_t)many, sizeof(int32_t))};

    if (factorise(&g)) return 3;
    size_t needed = ((size_t)scratch(&g, &c) + 63) / 64 * 64;
    power_flow(&g, &c, &f, 0, many, 100, 1e-10, aligned_alloc(64, needed));
    return fwrite(f.voltage, sizeof(double), values, out) != values;
}
