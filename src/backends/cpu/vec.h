/* vec.h: vectors of one instruction set: W numbers of float32 (vf), of int32 (vi), a truth for each lane (vm), W / 2
   numbers of float64 (vd). A file that includes it was compiled for that set (its name ends in _avx512, _avx2 or
   _portable) and says which by defining ISA_AVX512, ISA_AVX2 or nothing. ISA(name) is name_avx512 ... + - * / and the
   like are the compiler's. */
#ifndef CN__VEC_H
#define CN__VEC_H
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Widths and heights that are constants where such a function is called make a loop of their own. */
#define SPECIALISED static inline __attribute__((always_inline))

#if defined ISA_AVX512
#include <immintrin.h>
#define ISA(name) name##_avx512
enum { W = 16 };
typedef __m512    vf;
typedef __m512d   vd;
typedef __mmask16 vm;
typedef int32_t   vi __attribute__((vector_size(64)));
static inline vf   v_load(const float *p)        { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf a)       { _mm512_storeu_ps(p, a); }
/* The first n <= W numbers, zeros behind them. Whole halves and quarters go without a mask: what is stored so can be
   loaded again at once, which a masked store has to be waited for. */
static inline vf v_load_n(const float *p, int n)
{
    switch (n) {
    case 1:  return _mm512_zextps128_ps512(_mm_load_ss(p));
    case 4:  return _mm512_zextps128_ps512(_mm_loadu_ps(p));
    case 8:  return _mm512_zextps256_ps512(_mm256_loadu_ps(p));
    case 16: return _mm512_loadu_ps(p);
    default: return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
    }
}
static inline void v_store_n(float *p, vf a, int n)
{
    switch (n) {
    case 1:  _mm_store_ss(p, _mm512_castps512_ps128(a)); break;
    case 4:  _mm_storeu_ps(p, _mm512_castps512_ps128(a)); break;
    case 8:  _mm256_storeu_ps(p, _mm512_castps512_ps256(a)); break;
    case 16: _mm512_storeu_ps(p, a); break;
    default: _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a); break;
    }
}
static inline vf   v_set(float a)                { return _mm512_set1_ps(a); }
static inline vf   v_fma(vf a, vf b, vf c)       { return _mm512_fmadd_ps(a, b, c); }
static inline vf   v_max(vf a, vf b)             { return _mm512_max_ps(a, b); }     /* b where one is NaN */
static inline vf   v_min(vf a, vf b)             { return _mm512_min_ps(a, b); }
static inline vf   v_sqrt(vf a)                  { return _mm512_sqrt_ps(a); }
static inline vf   v_round(vf a)                 { return _mm512_roundscale_ps(a, 8); }
static inline vf   v_floor(vf a)                 { return _mm512_roundscale_ps(a, 9); }
static inline vf   v_ceil(vf a)                  { return _mm512_roundscale_ps(a, 10); }
static inline vf   v_abs(vf a)                   { return _mm512_abs_ps(a); }
static inline vf   v_scale2(vf a, vf n)          { return _mm512_scalef_ps(a, n); }      /* a 2^n */
static inline vf   m_select(vm m, vf a, vf b)    { return _mm512_mask_blend_ps(m, b, a); }   /* a where m, else b */
static inline vf   m_one(vm m)                   { return _mm512_maskz_mov_ps(m, _mm512_set1_ps(1)); }
static inline int  m_any(vm m)                   { return m; }
static inline vm   m_not(vm m)                   { return (vm)~m; }
static inline vm   m_and(vm a, vm b)             { return (vm)(a & b); }
#define V_COMPARE(name, op) static inline vm name(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, op); }
V_COMPARE(m_lt, _CMP_LT_OQ)
V_COMPARE(m_le, _CMP_LE_OQ)
V_COMPARE(m_eq, _CMP_EQ_OQ)
V_COMPARE(m_ne, _CMP_NEQ_UQ)
static inline vi   i_set(int32_t a)              { return (vi)_mm512_set1_epi32(a); }
static inline vd   d_set(double a)               { return _mm512_set1_pd(a); }
static inline vd   d_low(vf a)                   { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
static inline vd   d_high(vf a)                  { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
static inline vf   d_join(vd low, vd high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
static inline vf   v_halves(vf a, vf b)          /* the lower half of a, then that of b */
{
    return _mm512_insertf32x8(a, _mm512_castps512_ps256(b), 1);
}
static inline vd   d_min(vd a, vd b)             { return _mm512_min_pd(a, b); }
static inline vd   d_max(vd a, vd b)             { return _mm512_max_pd(a, b); }

#elif defined ISA_AVX2
#include <immintrin.h>
#define ISA(name) name##_avx2
enum { W = 8 };
typedef __m256  vf;
typedef __m256  vm;
typedef __m256d vd;
typedef int32_t vi __attribute__((vector_size(32)));
static inline vf   v_load(const float *p)        { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a)       { _mm256_storeu_ps(p, a); }
static inline __m256i v_mask(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf   v_load_n(const float *p, int n)
{
    switch (n) {
    case 1:  return _mm256_zextps128_ps256(_mm_load_ss(p));
    case 4:  return _mm256_zextps128_ps256(_mm_loadu_ps(p));
    case 8:  return _mm256_loadu_ps(p);
    default: return _mm256_maskload_ps(p, v_mask(n));
    }
}
static inline void v_store_n(float *p, vf a, int n)
{
    switch (n) {
    case 1:  _mm_store_ss(p, _mm256_castps256_ps128(a)); break;
    case 4:  _mm_storeu_ps(p, _mm256_castps256_ps128(a)); break;
    case 8:  _mm256_storeu_ps(p, a); break;
    default: _mm256_maskstore_ps(p, v_mask(n), a); break;
    }
}
static inline vf   v_set(float a)                { return _mm256_set1_ps(a); }
static inline vf   v_fma(vf a, vf b, vf c)       { return _mm256_fmadd_ps(a, b, c); }
static inline vf   v_max(vf a, vf b)             { return _mm256_max_ps(a, b); }
static inline vf   v_min(vf a, vf b)             { return _mm256_min_ps(a, b); }
static inline vf   v_sqrt(vf a)                  { return _mm256_sqrt_ps(a); }
static inline vf   v_round(vf a)                 { return _mm256_round_ps(a, 8); }
static inline vf   v_floor(vf a)                 { return _mm256_round_ps(a, 9); }
static inline vf   v_ceil(vf a)                  { return _mm256_round_ps(a, 10); }
static inline vf   v_abs(vf a)                   { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf   m_select(vm m, vf a, vf b)    { return _mm256_blendv_ps(b, a, m); }
static inline vf   m_one(vm m)                   { return _mm256_and_ps(m, _mm256_set1_ps(1)); }
static inline int  m_any(vm m)                   { return _mm256_movemask_ps(m); }
static inline vm   m_not(vm m)                   { return (vm)~(vi)m; }
static inline vm   m_and(vm a, vm b)             { return _mm256_and_ps(a, b); }
#define V_COMPARE(name, op) static inline vm name(vf a, vf b) { return _mm256_cmp_ps(a, b, op); }
V_COMPARE(m_lt, _CMP_LT_OQ)
V_COMPARE(m_le, _CMP_LE_OQ)
V_COMPARE(m_eq, _CMP_EQ_OQ)
V_COMPARE(m_ne, _CMP_NEQ_UQ)
static inline vi   i_set(int32_t a)              { return (vi)_mm256_set1_epi32(a); }
static inline vd   d_set(double a)               { return _mm256_set1_pd(a); }
static inline vd   d_low(vf a)                   { return _mm256_cvtps_pd(_mm256_castps256_ps128(a)); }
static inline vd   d_high(vf a)                  { return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)); }
static inline vf   d_join(vd l, vd h)            { return _mm256_set_m128(_mm256_cvtpd_ps(h), _mm256_cvtpd_ps(l)); }
static inline vf   v_halves(vf a, vf b)          { return _mm256_insertf128_ps(a, _mm256_castps256_ps128(b), 1); }
static inline vd   d_min(vd a, vd b)             { return _mm256_min_pd(a, b); }
static inline vd   d_max(vd a, vd b)             { return _mm256_max_pd(a, b); }

#else /* any machine: the compiler's vectors of 16 bytes, products without FMA */
#define ISA(name) name##_portable
enum { W = 4 };
typedef float   vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef int64_t vl __attribute__((vector_size(16)));
typedef double  vd __attribute__((vector_size(16)));
typedef vi      vm;
static inline vf   v_load(const float *p)        { vf a; memcpy(&a, p, sizeof a); return a; }
static inline void v_store(float *p, vf a)       { memcpy(p, &a, sizeof a); }
static inline vf   v_load_n(const float *p, int n)
{
    vf a = { 0 };
    memcpy(&a, p, (size_t)n * sizeof *p);
    return a;
}
static inline void v_store_n(float *p, vf a, int n)     { memcpy(p, &a, (size_t)n * sizeof *p); }
static inline vf   v_set(float a)                { return (vf){ a, a, a, a }; }
static inline vi   i_set(int32_t a)              { return (vi){ a, a, a, a }; }
static inline vf   v_fma(vf a, vf b, vf c)       { return a * b + c; }
static inline vf   m_select(vm m, vf a, vf b)    { return (vf)((m & (vi)a) | (~m & (vi)b)); }
static inline vf   v_max(vf a, vf b)             { return m_select(a > b, a, b); }
static inline vf   v_min(vf a, vf b)             { return m_select(a < b, a, b); }
static inline vf   v_sqrt(vf a)                  { return (vf){ sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3]) }; }
static inline vf   v_abs(vf a)                   { return (vf)((vi)a & i_set(0x7fffffff)); }
static inline vf   v_round(vf a)                 /* 2^23 leaves no bits behind the point; -0 stays */
{
    vf big = v_set(0x1p23f), r = (vf)((vi)(v_abs(a) + big - big) | ((vi)a & i_set(INT32_MIN)));
    return m_select(v_abs(a) < big, r, a);
}
static inline vf   m_one(vm m)                   { return m_select(m, v_set(1), v_set(0)); }
static inline vf   v_floor(vf a)                 { vf r = v_round(a); return m_select(r > a, r - v_set(1), r); }
static inline vf   v_ceil(vf a)                  { vf r = v_round(a); return m_select(r < a, r + v_set(1), r); }
static inline int  m_any(vm m)                   { return m[0] | m[1] | m[2] | m[3]; }
static inline vm   m_not(vm m)                   { return ~m; }
static inline vm   m_and(vm a, vm b)             { return a & b; }
#define V_COMPARE(name, op) static inline vm name(vf a, vf b) { return a op b; }
V_COMPARE(m_lt, <)
V_COMPARE(m_le, <=)
V_COMPARE(m_eq, ==)
V_COMPARE(m_ne, !=)
static inline vf   v_halves(vf a, vf b)          { return (vf){ a[0], a[1], b[0], b[1] }; }
static inline vd   d_set(double a)               { return (vd){ a, a }; }
static inline vd   d_low(vf a)                   { return (vd){ (double)a[0], (double)a[1] }; }
static inline vd   d_high(vf a)                  { return (vd){ (double)a[2], (double)a[3] }; }
static inline vf   d_join(vd l, vd h)            { return (vf){ (float)l[0], (float)l[1], (float)h[0], (float)h[1] }; }
static inline vd   d_select(vl m, vd a, vd b)    { return (vd)((m & (vl)a) | (~m & (vl)b)); }
static inline vd   d_min(vd a, vd b)             { return d_select(a < b, a, b); }
static inline vd   d_max(vd a, vd b)             { return d_select(a > b, a, b); }
#endif

typedef uint32_t vu __attribute__((vector_size(W * sizeof(uint32_t))));
static inline vi   i_of(vf whole)                { return __builtin_convertvector(whole, vi); }
static inline vf   v_of(vi a)                    { return __builtin_convertvector(a, vf); }
static inline vi   i_bits(vf a)                  { return (vi)a; }
static inline vf   v_bits(vi a)                  { return (vf)a; }
static inline vf   v_sign_of(vf a, vf from)      /* |a| with the sign of from */
{
    return v_bits((i_bits(a) & i_set(0x7fffffff)) | (i_bits(from) & i_set(INT32_MIN)));
}
static inline vd   d_round(vd a)                 /* |a| < 2^51 */
{
    vd big = d_set(0x1.8p52);
    return (a + big) - big;
}

/* Words: two bfloat16 numbers each, the former in the lower half. */
static inline vf   v_former(vf words)            { return v_bits(i_bits(words) << 16); }
static inline vf   v_latter(vf words)            { return v_bits(i_bits(words) & i_set((int32_t)0xffff0000)); }
#if defined __AVX512BF16__                       /* by one instruction, to which denormals are zeros */
static inline vi   i_bf16(vf a)                  { return (vi)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a)); }
static inline vf   v_words(vf former, vf latter) { return v_bits(i_bf16(former) | i_bf16(latter) << 16); }
#else
static inline vi   i_rounded(vf a)               /* to nearest, ties to even, in the upper half; NaN stays NaN */
{
    vi b = i_bits(a), up = b + ((b >> 16) & i_set(1)) + i_set(0x7fff);
    return i_bits(m_select(m_ne(a, a), v_bits(b | i_set(0x400000)), v_bits(up)));
}
static inline vf   v_words(vf former, vf latter)
{
    vi low = (vi)((vu)i_rounded(former) >> 16);
    return v_bits(low | (i_rounded(latter) & i_set((int32_t)0xffff0000)));
}
#endif
/* Every second number of a and then b, from the first or from the second one on. */
#if defined ISA_AVX512
#define EVERY_SECOND(a, b, i) __builtin_shufflevector(a, b, i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14,    \
                                                      i + 16, i + 18, i + 20, i + 22, i + 24, i + 26, i + 28, i + 30)
#elif defined ISA_AVX2
#define EVERY_SECOND(a, b, i) __builtin_shufflevector(a, b, i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14)
#else
#define EVERY_SECOND(a, b, i) __builtin_shufflevector(a, b, i, i + 2, i + 4, i + 6)
#endif

/* Four numbers, with every set. */
typedef float v4 __attribute__((vector_size(16)));
static inline v4   v4_load(const float *p)       { v4 a; memcpy(&a, p, sizeof a); return a; }
static inline void v4_store(float *p, v4 a)      { memcpy(p, &a, sizeof a); }
static inline v4   v4_set(float a)               { return (v4){ a, a, a, a }; }
#if defined ISA_AVX512 || defined ISA_AVX2
static inline v4    v4_fma(v4 a, v4 b, v4 c)           { return _mm_fmadd_ps(a, b, c); }
static inline float s_fma(float a, float b, float c)   { return fmaf(a, b, c); }
#else
static inline v4    v4_fma(v4 a, v4 b, v4 c)           { return a * b + c; }
static inline float s_fma(float a, float b, float c)   { return a * b + c; }
#endif
static inline void v4_transpose(v4 a[4])
{
    typedef double two __attribute__((vector_size(16)));
#define PAIRS(a, b, i) __builtin_shufflevector(a, b, i, i + 4, i + 1, i + 5)
#define HALF(a, b, i)  (v4)(two){ ((two)(a))[i], ((two)(b))[i] }
    v4 low01 = PAIRS(a[0], a[1], 0), low23 = PAIRS(a[2], a[3], 0);
    v4 high01 = PAIRS(a[0], a[1], 2), high23 = PAIRS(a[2], a[3], 2);
    a[0] = HALF(low01, low23, 0), a[1] = HALF(low01, low23, 1);
    a[2] = HALF(high01, high23, 0), a[3] = HALF(high01, high23, 1);
#undef PAIRS
#undef HALF
}
#if !defined ISA_AVX512
static inline vf v_scale2(vf a, vf n)            /* in two halves, so that the ends of the range are reached */
{
    vi h = i_of(n) >> 1, rest = i_of(n) - h;
    return a * v_bits((h + i_set(127)) << 23) * v_bits((rest + i_set(127)) << 23);
}
#endif
#endif
