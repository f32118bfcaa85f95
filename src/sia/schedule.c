#include "sia/schedule.h"

#include "sia/sia.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum sia_step sia_step_due(const struct certificate *certificate, int64_t now_ms)
{
    int64_t issued_ms = certificate->not_before_ms + CERTIFICATE_BACKDATED_MS;
    int64_t life_ms = certificate->not_after_ms - issued_ms;
    if (certificate->not_after_ms - now_ms < least(SIA_REREGISTER_LEFT_MS, life_ms / 4))
        return STEP_REGISTER;
    return now_ms - issued_ms > least(SIA_REFRESH_AGE_MS, life_ms / 2) ? STEP_REFRESH : STEP_NONE;
}
