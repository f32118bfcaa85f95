#include "host/announced.h"

#include "aws/imds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/record.h"
#include "base/text.h"
#include "host/agent.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_EVERY_MS = 5 * 1000 };

/* Source: EC2 User Guide, "View scheduled events using instance metadata". */
#define SCHEDULED "meta-data/events/maintenance/scheduled"

static bool is_over(const json_t *event)
{
    const char *state = json_member_text(event, "State");
    return text_equal(state, "completed") || text_equal(state, "canceled");
}

int announced_read(struct arena *arena, const char *json, char text[ANNOUNCED_LONGEST], struct error *err)
{
    json_t *list, *event;
    size_t at, used = 0;
    text[0] = '\0';
    if (json_parse(arena, json, strlen(json), &list, err) < 0)
        return -1;
    json_array_foreach(list, at, event) {
        const char *code = json_member_text(event, "Code"), *from = json_member_text(event, "NotBefore");
        if (text_empty(code) || is_over(event))
            continue;
        int written = snprintf(text + used, ANNOUNCED_LONGEST - used, "%s%.40s from %.40s", used ? "; " : "",
                               code, from ? from : "now");
        if (written < 0 || (size_t)written >= ANNOUNCED_LONGEST - used)
            break; /* the first few make somebody look as well as all of them */
        used += (size_t)written;
    }
    return 0;
}

void announced_report(json_t *reports, const char *text)
{
    if (text_empty(text))
        return;
    json_object_set_new(reports, "announced",
                        json_pack("{s:s,s:s}", "type", "UNSPECIFIED", "description", text));
}

static void look(struct agent *agent)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char *json, text[ANNOUNCED_LONGEST];
    struct error err = {0};
    if (imds_get(arena, SCHEDULED, &json, &err) < 0 || announced_read(arena, json, text, &err) < 0)
        return; /* what was announced stays so until AWS says otherwise */
    pthread_mutex_lock(&agent->lock);
    bool news = strcmp(agent->announced, text) != 0;
    memcpy(agent->announced, text, sizeof agent->announced);
    pthread_mutex_unlock(&agent->lock);
    if (!news)
        return;
    log_warning("AWS announces", "what", text[0] ? text : "nothing any more", NULL);
    agent_count(agent, &agent->view_changes);
}

void *announced_thread(void *context)
{
    for (;;) {
        look(context);
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}
