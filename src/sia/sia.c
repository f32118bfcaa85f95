#include "sia/sia.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "sia/exchange.h"
#include "sia/schedule.h"

static bool same_names(const char *const *have, const char *const *want)
{
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST; i++) {
        if (!text_equal(have[i], want[i]))
            return false;
        if (!have[i])
            break;
    }
    return true;
}

/* Is the certificate the one these options ask for? */
static bool is_wanted(const struct sia_options *options, const struct certificate *certificate,
                      struct arena *arena)
{
    struct names names;
    sia_names(arena, options, &names);
    return text_equal(names.common_name, certificate->names.common_name) &&
           same_names(certificate->names.uris, names.uris) && same_names(certificate->names.dns, names.dns) &&
           same_names(certificate->names.addresses, names.addresses);
}

static enum sia_step first_step(const struct sia_options *options, struct generation *current,
                                bool refresh_now, struct arena *arena)
{
    struct error err = {0};
    if (generation_load(arena, options->directory, current, &err) < 0) {
        if (err.kind != ERROR_NOT_FOUND)
            log_warning("identity on disk is not usable", "directory", options->directory, "reason",
                        err.message, NULL);
        return STEP_REGISTER;
    }
    if (!is_wanted(options, &current->certificate, arena))
        return STEP_REGISTER;
    enum sia_step due = sia_step_due(&current->certificate, clock_now_ms());
    return due == STEP_NONE && refresh_now ? STEP_REFRESH : due;
}

static enum sia_result run(const struct sia_options *options, bool refresh_now, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    cleanup(file_close) int lock = -1;
    if (directory_make(options->directory, 0700, err) < 0 ||
        file_lock(arena_format(arena, "%s/lock", options->directory), &lock, err) < 0)
        return SIA_FAILED;
    struct generation current;
    enum sia_step step = first_step(options, &current, refresh_now, arena);
    cleanup(key_free) struct key *key = current.key;
    if (step == STEP_NONE)
        return SIA_CURRENT;
    if (step == STEP_REFRESH) {
        bool revoked;
        if (sia_refresh_with(options, &current, arena, &revoked, err) == 0)
            return SIA_RENEWED;
        if (!revoked)
            return SIA_FAILED;
        log_warning("identity was revoked, registering anew", "domain", options->domain, "service",
                    options->service, "instance", options->instance_id, NULL);
    }
    if (sia_register(options, arena, err) < 0)
        return SIA_FAILED;
    error_clear(err);
    return SIA_RENEWED;
}

enum sia_result sia_ensure(const struct sia_options *options, struct error *err)
{
    return run(options, false, err);
}

enum sia_result sia_refresh(const struct sia_options *options, struct error *err)
{
    return run(options, true, err);
}
