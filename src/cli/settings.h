/* Where the CLI finds its controller and its keys: ENCLAVE_HOME (default ~/.config/enclave), file config.json, each
 * member overridden by a variable of the environment (ENCLAVE_TENANT, ENCLAVE_ZONE, ...). */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/record.h"

struct settings {
    const char *home;
    const char *controller; /* "https://name:4443" */
    const char *trust;      /* PEM file of the vendor's authority */
    const char *proxy;      /* used as HTTPS_PROXY when that is not set */
    const char *tenant, *application, *instance, *zone;
    const char *api_key;    /* PEM file */
    const char *operator_certificate, *operator_key;
    const char *data_plane_certificate, *data_plane_key;
    const char *aws_region;
};
extern const struct record settings_record;

int settings_load(struct arena *arena, struct settings *settings, struct error *err);
int settings_save(struct arena *arena, const struct settings *settings, struct error *err);
/* The value, or an error that says how to give it: settings_need(s->tenant, "tenant", err). NULL when missing. */
const char *settings_need(const char *value, const char *what, struct error *err);

#endif
