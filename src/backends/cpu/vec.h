/* vec.h: float32 vectors of one instruction set. A file that includes it was compiled for that set (its name ends in
   _avx512, _avx2 or _portable) and says which by defining ISA_AVX512, ISA_AVX2 or nothing. W lanes; ISA(name) is
   name_avx512 ... */
#ifndef CN__VEC_H
#define CN__VEC_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined ISA_AVX512
#include <immintrin.h>
#define ISA(name) name##_avx512
enum { W = 16 };
typedef __m512 vf;
static inline vf   v_load(const float *p)        { return _mm512_loadu_ps(p); }
static inline void v_store(float *p, vf a)       { _mm512_storeu_ps(p, a); }
/* n <= W */
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
static inline vf   v_scale2(vf a, vf n)          { return _mm512_scalef_ps(a, n); }
static inline vf   v_pick(vf a, vf b, vf where)  /* a where `where` is not 0 */
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(where, _mm512_setzero_ps(), _CMP_NEQ_UQ), b, a);
}
#define V_COMPARE(name, op)                                                                                       \
    static inline vf name(vf a, vf b) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, op), _mm512_set1_ps(1)); }
V_COMPARE(v_lt, _CMP_LT_OQ)
V_COMPARE(v_le, _CMP_LE_OQ)
V_COMPARE(v_eq, _CMP_EQ_OQ)
V_COMPARE(v_ne, _CMP_NEQ_UQ)

#elif defined ISA_AVX2
#include <immintrin.h>
#define ISA(name) name##_avx2
enum { W = 8 };
typedef __m256 vf;
static inline vf   v_load(const float *p)        { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf a)       { _mm256_storeu_ps(p, a); }
static inline __m256i v_mask(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf   v_load_n(const float *p, int n)      { return _mm256_maskload_ps(p, v_mask(n)); }
static inline void v_store_n(float *p, vf a, int n)     { _mm256_maskstore_ps(p, v_mask(n), a); }
static inline vf   v_set(float a)                { return _mm256_set1_ps(a); }
static inline vf   v_fma(vf a, vf b, vf c)       { return _mm256_fmadd_ps(a, b, c); }
static inline vf   v_max(vf a, vf b)             { return _mm256_max_ps(a, b); }
static inline vf   v_min(vf a, vf b)             { return _mm256_min_ps(a, b); }
static inline vf   v_sqrt(vf a)                  { return _mm256_sqrt_ps(a); }
static inline vf   v_round(vf a)                 { return _mm256_round_ps(a, 8); }
static inline vf   v_power2(vf n)                /* 2^n, n a whole number in -126 .. 127 */
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
static inline vf   v_scale2(vf a, vf n)          /* in two halves, so that the ends of the range are reached */
{
    vf h = _mm256_round_ps(_mm256_mul_ps(n, _mm256_set1_ps(0.5f)), 9);
    return _mm256_mul_ps(_mm256_mul_ps(a, v_power2(h)), v_power2(_mm256_sub_ps(n, h)));
}
static inline vf   v_pick(vf a, vf b, vf where)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(where, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}
#define V_COMPARE(name, op)                                                                                       \
    static inline vf name(vf a, vf b) { return _mm256_and_ps(_mm256_cmp_ps(a, b, op), _mm256_set1_ps(1)); }
V_COMPARE(v_lt, _CMP_LT_OQ)
V_COMPARE(v_le, _CMP_LE_OQ)
V_COMPARE(v_eq, _CMP_EQ_OQ)
V_COMPARE(v_ne, _CMP_NEQ_UQ)

#else /* any machine: the compiler's vectors of 16 bytes, products without FMA */
#define ISA(name) name##_portable
enum { W = 4 };
typedef float   vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
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
static inline vf   v_fma(vf a, vf b, vf c)       { return a * b + c; }
static inline vf   v_where(vi m, vf a, vf b)     { return (vf)((m & (vi)a) | (~m & (vi)b)); }
static inline vf   v_max(vf a, vf b)             { return v_where(a > b, a, b); }
static inline vf   v_min(vf a, vf b)             { return v_where(a < b, a, b); }
static inline vf   v_sqrt(vf a)                  { return (vf){ sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3]) }; }
static inline vf   v_round(vf a)                 { return (vf){ rintf(a[0]), rintf(a[1]), rintf(a[2]), rintf(a[3]) }; }
static inline vf   v_scale2(vf a, vf n)
{
    vf r;
    for (int i = 0; i < W; i++) r[i] = ldexpf(a[i], n[i] == n[i] ? (int)n[i] : 0);
    return r;
}
static inline vf   v_pick(vf a, vf b, vf where)  { return v_where(where != v_set(0), a, b); }
#define V_COMPARE(name, op) static inline vf name(vf a, vf b) { return v_where(a op b, v_set(1), v_set(0)); }
V_COMPARE(v_lt, <)
V_COMPARE(v_le, <=)
V_COMPARE(v_eq, ==)
V_COMPARE(v_ne, !=)
#endif

/* ---- Elementary functions; the polynomial of e^r on |r| <= ln 2 / 2 is minimax of degree 6 ----------------------- */
static inline vf v_exp(vf x)                     /* 1 ULP; 0 below -104, infinite above 88.73; NaN stays */
{
    vf c = v_min(v_set(89.0f), v_max(v_set(-104.0f), x));    /* both give their second operand where one is NaN */
    vf n = v_round(c * v_set(1.44269504088896341f));
    vf r = v_fma(n, v_set(-0.693359375f), c);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    vf p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_fma(p, r * r, r + v_set(1.0f));
    return v_scale2(p, n);
}

static inline vf v_sigmoid(vf x) { return v_set(1.0f) / (v_set(1.0f) + v_exp(-x)); }

static inline vf v_tanh(vf x)                    /* odd polynomial below 0.625, else 1 - 2 / (e^2x + 1), signs apart */
{
    vf a = v_max(x, -x), s = x * x;
    vf p = v_set(-5.70498872745e-3f);
    p = v_fma(p, s, v_set(2.06390887954e-2f));
    p = v_fma(p, s, v_set(-5.37397155531e-2f));
    p = v_fma(p, s, v_set(1.33314422036e-1f));
    p = v_fma(p, s, v_set(-3.33332819422e-1f));
    vf small = v_fma(p * s, x, x);
    vf large = v_set(1.0f) - v_set(2.0f) / (v_exp(a + a) + v_set(1.0f));
    return v_pick(small, v_pick(-large, large, v_lt(x, v_set(0.0f))), v_lt(a, v_set(0.625f)));
}
#endif
