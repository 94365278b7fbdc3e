/* limits_amx.c: dots of tiles that never leave their registers: 16 x 16 sums of 16 pairs each. Memory is streamed by
   the vectors' loops. */
#include "backends/cpu/limits.h"
#include "backends/cpu/tiles.h"

enum { SIDE = 16, CHAINS = 4, OPERATIONS = 4 * SIDE * SIDE * SIDE };

static double multiply_adds(int64_t rounds, float *sum)
{
    float c[SIDE][SIDE];
    cn__palette p = { .id = 1 };
    for (int t = 0; t < 8; t++) p.bytes[t] = sizeof c[0], p.rows[t] = SIDE;
    TILES_CONFIGURE(&p);
    for (int64_t r = 0; r < rounds; r++) {
        TILE_DOT(0, 4, 6);
        TILE_DOT(1, 4, 7);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
    TILE_STORE(0, c, sizeof c[0]);
    TILES_RELEASE();
    *sum = c[0][0];
    return (double)rounds * CHAINS * OPERATIONS;
}

const cn__limit_loops cn__limits_amx = { .multiply_adds = multiply_adds };
