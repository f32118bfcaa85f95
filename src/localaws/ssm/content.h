/* What a Command document tells to run: its parameters with the caller's values, put into its steps. Pure.
 * Schema versions 1.2 (runtimeConfig), 2.0 and 2.2 (mainSteps) with aws:runShellScript; what else a document
 * may hold is refused. Source: AWS Systems Manager User Guide, "Schemas, features and examples". */
#ifndef LOCALAWS_SSM_CONTENT_H
#define LOCALAWS_SSM_CONTENT_H

#include "base/record.h"

enum { CONTENT_LARGEST = 64 << 10, STEPS_MOST = 20, SCRIPT_LARGEST = 256 << 10 };

struct step {
    char *name, *script;
    char *directory; /* NULL: the agent's own */
    int64_t timeout_s;
};

/* Reads the document (JSON) and checks its parameters' declarations. */
int content_parse(struct arena *arena, const char *text, json_t **content, struct error *err);
/* Checks `values` ({"name": ["value", ...]}, NULL: none) against what is declared and gives each parameter
 * its value or default: {"name": "text" or ["text", ...]}. A new reference that lives in the arena.
 * ERROR_INVALID with a reason for the caller. */
int content_parameters(struct arena *arena, const json_t *content, const json_t *values, json_t **given,
                       struct error *err);
/* The text with each {{ name }} replaced, once: what a value brings in is not looked at again. */
int content_substitute(struct arena *arena, const char *text, const json_t *given, char **result,
                       struct error *err);
int content_steps(struct arena *arena, const json_t *content, const json_t *given, struct step **steps,
                  size_t *count, struct error *err);

extern const struct record step_record;

#endif
