#include "localaws/ssm/agent.h"

#include "base/text.h"

static const struct field session_fields[] = {
    FIELD_TEXT(struct session, id, "id", REQUIRED, 96, NULL, "its id"),
    FIELD_END,
};
const struct record session_record = {"session", sizeof(struct session), session_fields};

bool sessions_look_after(struct region *region, bool all)
{
    (void)region, (void)all;
    return false;
}

static int not_there_yet(struct call *call, struct error *err)
{
    return call_fail(call, err, 400, "UnsupportedOperation", "%s is not there yet", call->action);
}

int start_session(struct call *call, struct error *err)
{
    return not_there_yet(call, err);
}

int resume_session(struct call *call, struct error *err)
{
    return not_there_yet(call, err);
}

int terminate_session(struct call *call, struct error *err)
{
    return not_there_yet(call, err);
}

int describe_sessions(struct call *call, struct error *err)
{
    return not_there_yet(call, err);
}
