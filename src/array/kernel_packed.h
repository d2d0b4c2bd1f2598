/* kernel_packed.h - what a kernel that multiplies bytes does with a row group: the narrow path, else the tiles, else the kernel
 * of AVX-512. Included last by kernel_NAME.c.
 */
static size_t work_size(const mb_row_group *g, int m) {
    size_t own = tiles_fit(g) ? tiles_work(g) : 0, narrow_own = narrow_work(g), other = mb_kernel_avx512.work_size(g, m);
    own = own > narrow_own ? own : narrow_own;
    return own > other ? own : other;
}

static void run(const mb_row_group *g, int m, const int16_t *x, size_t ldx, int64_t *y, size_t ldy, mb_stream *noise,
                mb_stream *adc_noise, mb_kernel_stats *st, void *work) {
    narrow p;
    if (narrow_plan(g, &p))
        narrow_run(&p, m, x, ldx, y, ldy, noise, st, work);
    else if (tiles_fit(g))
        tiles_run(g, m, x, ldx, y, ldy, st, work);
    else
        mb_kernel_avx512.run(g, m, x, ldx, y, ldy, noise, adc_noise, st, work);
}

static void sums(const mb_row_group *g, const int16_t *x, int32_t *S, void *work) { mb_kernel_avx512.sums(g, x, S, work); }
