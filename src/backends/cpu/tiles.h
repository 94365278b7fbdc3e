/* tiles.h: operations on tiles (AMX). They are instructions, unless TILES_CONFIGURE is defined before: a test brings a
   model of them. What an instruction reads must lie in memory by then, which GCC's macros do not say: to it they read
   nothing. */
#ifndef CN__TILES_H
#define CN__TILES_H
#include <stdint.h>

/* What LDTILECFG reads. Palette 1 has eight tiles of at most 16 rows of 64 bytes. */
typedef struct cn__palette { uint8_t id, start, none[14]; uint16_t bytes[16]; uint8_t rows[16]; } cn__palette;

#if !defined TILES_CONFIGURE
#include <immintrin.h>
#define WRITTEN()                 __asm__ volatile("" ::: "memory")
#define TILES_CONFIGURE(palette)  do { WRITTEN(); _tile_loadconfig(palette); } while (0)      /* and zero in all */
#define TILES_RELEASE()           _tile_release()
#define TILE_ZERO(t)              _tile_zero(t)
#define TILE_LOAD(t, from, apart) do { WRITTEN(); _tile_loadd(t, from, apart); } while (0)
#define TILE_STORE(t, to, apart)  _tile_stored(t, to, apart)
#define TILE_DOT(c, a, b)         _tile_dpbf16ps(c, a, b)
#endif
#endif
