/* How an answer looks on the wire: the envelope of each of AWS's protocols around what a handler wrote, and
 * the form in which each of them says no. */
#ifndef LOCALAWS_ENVELOPE_H
#define LOCALAWS_ENVELOPE_H

#include "localaws/region.h"

/* Sends what the handler wrote into call->answer. (Refusals go by call_refuse, region.h.) */
enum http_answer call_answer(struct call *call);

#endif
