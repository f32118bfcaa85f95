#include "cli/settings.h"

#include "base/file.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

static const struct field settings_fields[] = {
    FIELD_TEXT(struct settings, controller, "controller", OPTIONAL, 512, NULL, "URL of the controller"),
    FIELD_TEXT(struct settings, trust, "trust", OPTIONAL, 4096, NULL, "PEM file of the vendor's authority"),
    FIELD_TEXT(struct settings, proxy, "proxy", OPTIONAL, 512, NULL, "HTTP proxy to reach the vendor and endpoints"),
    FIELD_TEXT(struct settings, tenant, "tenant", OPTIONAL, 64, NULL, "tenant"),
    FIELD_TEXT(struct settings, application, "application", OPTIONAL, 64, NULL, "application"),
    FIELD_TEXT(struct settings, instance, "instance", OPTIONAL, 64, NULL, "instance"),
    FIELD_TEXT(struct settings, zone, "zone", OPTIONAL, 64, NULL, "zone"),
    FIELD_TEXT(struct settings, api_key, "apiKey", OPTIONAL, 4096, NULL, "PEM file of the API key"),
    FIELD_TEXT(struct settings, operator_certificate, "operatorCertificate", OPTIONAL, 4096, NULL, "operator's PEM"),
    FIELD_TEXT(struct settings, operator_key, "operatorKey", OPTIONAL, 4096, NULL, "operator's key"),
    FIELD_TEXT(struct settings, data_plane_certificate, "dataPlaneCertificate", OPTIONAL, 4096, NULL,
               "client certificate for endpoints"),
    FIELD_TEXT(struct settings, data_plane_key, "dataPlaneKey", OPTIONAL, 4096, NULL, "its key"),
    FIELD_TEXT(struct settings, aws_region, "awsRegion", OPTIONAL, 64, NULL, "AWS region"),
    FIELD_END,
};
const struct record settings_record = {"config.json", sizeof(struct settings), settings_fields};

/* apiKey -> ENCLAVE_API_KEY */
static const char *variable_name(struct arena *arena, const char *member)
{
    char *name = arena_alloc(arena, 2 * strlen(member) + sizeof "ENCLAVE_");
    char *to = stpcpy(name, "ENCLAVE_");
    for (; *member; member++) {
        if (isupper((unsigned char)*member))
            *to++ = '_';
        *to++ = (char)toupper((unsigned char)*member);
    }
    return name;
}

static void apply_environment(struct arena *arena, struct settings *settings)
{
    for (const struct field *field = settings_fields; field->name; field++) {
        const char *value = getenv(variable_name(arena, field->name));
        if (!text_empty(value))
            *(const char **)(void *)((char *)settings + field->offset) = value;
    }
}

int settings_load(struct arena *arena, struct settings *settings, struct error *err)
{
    *settings = (struct settings){0};
    const char *home = getenv("ENCLAVE_HOME"), *user = getenv("HOME");
    settings->home = !text_empty(home) ? home : arena_format(arena, "%s/.config/enclave", user ? user : "");
    char *path = arena_format(arena, "%s/config.json", settings->home), *text;
    size_t length;
    if (file_exists(path)) {
        if (file_read(arena, path, 64 * 1024, &text, &length, err) < 0 ||
            record_parse(&settings_record, arena, text, length, settings, err) < 0)
            return error_context(err, "%s", path);
    }
    apply_environment(arena, settings);
    if (!settings->instance)
        settings->instance = "default";
    if (!settings->aws_region)
        settings->aws_region = "us-east-1";
    if (settings->proxy) {
        setenv("HTTPS_PROXY", settings->proxy, 0);
        setenv("NO_PROXY", "localhost,127.0.0.1", 0);
    }
    return 0;
}

int settings_save(struct arena *arena, const struct settings *settings, struct error *err)
{
    if (directory_make(settings->home, 0700, err) < 0)
        return -1;
    json_t *json = record_write(&settings_record, settings);
    char *text = arena_format(arena, "%s\n", json_pretty(arena, json));
    json_decref(json);
    return file_write(arena_format(arena, "%s/config.json", settings->home), text, strlen(text), 0600, err);
}

const char *settings_need(const char *value, const char *what, struct error *err)
{
    if (value)
        return value;
    cleanup(arena_free) struct arena *arena = arena_new();
    error_set(err, ERROR_INVALID,
              "no %s is set: put \"%s\" into config.json of ENCLAVE_HOME, or set %s (in a local zone: . build/zone/env)",
              what, what, variable_name(arena, what));
    return NULL;
}
