/* What the trail never shows of a call: secrets, what is encrypted or decrypted, scripts and documents. */
#ifndef LOCALAWS_HIDDEN_H
#define LOCALAWS_HIDDEN_H

#include <stddef.h>

/* What stands in place of the value of the parameter or answer `name` of a service; NULL: the value may be
 * shown; "": not even its name is. */
const char *hidden_form(const char *service, const char *name, size_t length);

#endif
