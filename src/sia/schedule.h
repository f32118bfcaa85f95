/* When a certificate needs what. Pure. */
#ifndef SIA_SCHEDULE_H
#define SIA_SCHEDULE_H

#include "identity/certificate.h"

enum sia_step { STEP_NONE, STEP_REFRESH, STEP_REGISTER };

/* Nothing, a refresh at half its life or SIA_REFRESH_AGE_MS, a registration close to its end: then there may
 * not be time for a refresh to fail. */
enum sia_step sia_step_due(const struct certificate *certificate, int64_t now_ms);

#endif
