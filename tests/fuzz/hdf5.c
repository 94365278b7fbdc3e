/* hdf5.c: any bytes as an HDF5 file: all that it says it holds is read, or it is refused, within 2 x its size + 64 MiB.
   */
#include "formats/hdf5_walk.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    cn_ctx *c = cn_open(.threads = 1, .memory_limit = (int64_t)(2 * n) + (64 << 20));
    if (walk_file(c, "fuzz.h5", bytes, n, NULL) != !cn_error(c)) __builtin_trap();       /* an error, or all was read */
    cn_close(c);
    return 0;
}
