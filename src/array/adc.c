/* adc.c - finding and loading converters */
#include "array/adc.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

const mb_adc_type *mb_adc_find(const char *name) {
    for (size_t i = 0; mb_adcs[i]; i++)
        if (strcmp(mb_adcs[i]->name, name) == 0) return mb_adcs[i];
    return NULL;
}

static int unknown(const mb_conf *name) {
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mb_adcs[n]; n++) names[n] = mb_adcs[n]->name;
    return mb_conf_unknown(name, "converter", names, n);
}

int mb_adc_load(mb_conf *group, mb_adc *adc) {
    static const char *const also[] = {"type", "preset", NULL};
    *adc = (mb_adc){0};
    if (!group || group->type != MB_CONF_GROUP)
        return mb_fail(MB_BADINPUT, "%s: a converter is described by a group such as { type = \"sar\"; }",
                       group ? mb_conf_where(group) : "adc");
    mb_conf *name = mb_conf_use(group, "type");
    if (!name) return mb_fail(MB_BADINPUT, "%s: the key `type` is missing; add for example type = \"sar\"", mb_conf_where(group));
    if (name->type != MB_CONF_STRING)
        return mb_fail(MB_BADINPUT, "%s: `type` is the name of a converter, in quotes", mb_conf_where(name));
    const mb_adc_type *type = mb_adc_find(name->s);
    if (!type) return unknown(name);
    void *params = mb_calloc(1, type->size);
    if (!params) return mb_nomem();
    int rc = mb_params_load(type->params, group, also, params);
    bool loaded = rc == MB_OK;
    if (!rc && type->check) rc = type->check(params);
    if (!rc && type->prepare) rc = type->prepare(params);
    if (rc && loaded) mb_params_free(type->params, params);
    if (rc) {
        mb_free(params);
        return mb_context(rc, "%s: converter \"%s\"", mb_conf_where(group), type->name);
    }
    *adc = (mb_adc){type, params};
    return MB_OK;
}

void mb_adc_free(mb_adc *adc) {
    if (adc->type && adc->params) mb_params_free(adc->type->params, adc->params);
    mb_free(adc->params);
    *adc = (mb_adc){0};
}

/* Stream of the static errors that belongs to the stream of one read and to a place. */
static mb_stream static_stream(const mb_stream *rng, uint32_t place) {
    mb_stream s = *rng;
    if (place) s.ctr[2] = place - 1;
    s.ctr[1] = UINT32_MAX;
    s.ctr[0] = 0;
    s.left = 0;
    return s;
}

void mb_adc_convert_by_real(const mb_adc_type *t, const void *p, const mb_adc_range *r, size_t n, const int32_t *in, int32_t *out,
                            uint64_t *clipped, mb_stream *rng) {
    enum { CHUNK = 256 };
    double v[CHUNK], statics[MB_ADC_STATICS_MAX];
    const int64_t want = (int64_t)r->q_hi - r->q_lo + 1;
    int bits = 1, codes = 0;
    for (; bits <= MB_ADC_REAL_BITS; bits++) {
        codes = t->codes ? t->codes(p, bits) : 1 << bits;
        if (codes >= want) break;
    }
    if (bits > MB_ADC_REAL_BITS) bits = MB_ADC_REAL_BITS;
    const int64_t k = codes >= want ? 1 : (want + codes - 1) / codes;
    const double lsb = (double)k * r->step, half = 0.5 * (codes - 1) * lsb, limit = t->mid_rise ? 0.5 * codes * lsb : half;
    const double middle = r->base + (double)r->q_lo * r->step + half;
    int size = t->group ? t->group(p) : 1;
    if (size <= 0 || size > CHUNK) size = CHUNK;
    mb_stream own;
    if (rng) own = static_stream(rng, r->place);
    for (size_t at = 0; at < n; at += (size_t)size) {
        size_t m = n - at < (size_t)size ? n - at : (size_t)size;
        uint64_t over = 0;
        bool has = t->statics && t->statics(p, bits, (int)m) > 0;
        if (has) t->draw(p, bits, (int)m, statics, rng ? &own : NULL);
        for (size_t i = 0; i < m; i++) v[i] = in[at + i] - middle;
        t->convert_real(p, bits, -limit, limit, has ? statics : NULL, m, v, v, &over, rng);
        for (size_t i = 0; i < m; i++) {
            int64_t q = r->q_lo + k * (int64_t)floor((v[i] + half) / lsb + 0.5);
            uint64_t sink = 0;
            mb_adc_code(r, in[at + i], &sink);
            *clipped += sink;
            q = q < r->q_lo ? r->q_lo : q > r->q_hi ? r->q_hi : q;
            out[at + i] = (int32_t)(r->base + q * r->step);
        }
    }
}
