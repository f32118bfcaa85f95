#include "controller/run_log.h"

#include "base/text.h"

#include <string.h>

enum { MESSAGE_LONGEST = 1000 };

static const char *const types[] = {"debug", "info", "warning", "error"};

/* A zone's levels are Vespa's ("INFO", "WARNING"), or ours. */
static const char *type_of(struct arena *arena, const char *level)
{
    const char *lower = text_lower(arena, level);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (text_equal(types[i], lower))
            return types[i];
    return "info";
}

static const char *bounded(struct arena *arena, const char *message)
{
    size_t length = strlen(message);
    if (length <= MESSAGE_LONGEST)
        return arena_strdup(arena, message);
    length = MESSAGE_LONGEST;
    while (length && ((unsigned char)message[length] & 0xc0) == 0x80)
        length--; /* not in the middle of a character */
    return arena_format(arena, "%.*s...", (int)length, message);
}

void run_log_add(struct arena *arena, struct run *run, enum run_step step, const char *type, int64_t at_ms,
                 const char *message)
{
    size_t dropped = run->log_count == RUN_LOG_MOST;
    struct run_log_entry *log = arena_alloc(arena, (run->log_count + 1) * sizeof *log);
    if (run->log_count > dropped)
        memcpy(log, run->log + dropped, (run->log_count - dropped) * sizeof *log);
    run->log = log;
    run->log_count -= dropped;
    log[run->log_count++] = (struct run_log_entry){
        .id = ++run->last_id,
        .step = (int)step,
        .at_ms = at_ms,
        .type = type,
        .message = bounded(arena, message),
    };
}

static bool is_copied(const struct run *run, int64_t at_ms, const char *message)
{
    for (size_t i = 0; i < run->log_count; i++)
        if (run->log[i].at_ms == at_ms && text_equal(run->log[i].message, message))
            return true;
    return false;
}

void run_log_copy(struct arena *arena, struct run *run, enum run_step step, json_t *log, const char *time_member)
{
    size_t index;
    json_t *entry;
    int64_t from_ms = run->zone_log_ms;
    json_array_foreach(log, index, entry) {
        int64_t at_ms = json_integer_value(json_object_get(entry, time_member));
        const char *level = json_member_text(entry, "level"), *message = json_member_text(entry, "message");
        if (at_ms < from_ms || !message || is_copied(run, at_ms, bounded(arena, message)))
            continue;
        run_log_add(arena, run, step, type_of(arena, level ? level : "info"), at_ms, message);
        if (at_ms > run->zone_log_ms)
            run->zone_log_ms = at_ms;
    }
}

static json_t *log_view(const struct run *run, int64_t after)
{
    json_t *view = json_object();
    for (size_t i = 0; i < run->log_count; i++) {
        const struct run_log_entry *entry = &run->log[i];
        if (entry->id <= after)
            continue;
        const char *step = run_step_names[entry->step];
        if (!json_object_get(view, step))
            json_object_set_new(view, step, json_array());
        json_array_append_new(json_object_get(view, step),
                              json_pack("{s:I, s:I, s:s, s:s}", "id", (json_int_t)entry->id, "at",
                                        (json_int_t)entry->at_ms, "type", entry->type, "message", entry->message));
    }
    return view;
}

json_t *run_view(const struct run *run, int64_t after)
{
    return json_pack("{s:b, s:s, s:o, s:I, s:{s:{s:s}, s:{s:s}}}", "active", run->status == RUN_RUNNING, "status",
                     run_status_names[run->status], "log", log_view(run, after), "lastId", (json_int_t)run->last_id,
                     "steps", run_step_names[STEP_DEPLOY], "status", step_state_names[run->deploy],
                     run_step_names[STEP_INSTALL], "status", step_state_names[run->install]);
}

json_t *run_summary(const struct run *run, const char *url)
{
    json_t *summary =
        json_pack("{s:I, s:s, s:I, s:s, s:[{s:s, s:s}, {s:s, s:s}]}", "id", (json_int_t)run->number, "url", url,
                  "start", (json_int_t)run->start_ms, "status", run_status_names[run->status], "steps", "name",
                  run_step_names[STEP_DEPLOY], "status", step_state_names[run->deploy], "name",
                  run_step_names[STEP_INSTALL], "status", step_state_names[run->install]);
    if (run->end_ms)
        json_object_set_new(summary, "end", json_integer(run->end_ms));
    json_object_set_new(summary, "enclave", json_pack("{s:s+}", "cloudAccount", "aws:", run->account));
    return summary;
}
